package etf_test

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/okeuday/erlang_go/v2/erlang"
	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// toPeer turns a term into erlang_go's values.
func toPeer(term any) any {
	switch v := term.(type) {
	case etf.Atom:
		return erlang.OtpErlangAtomUTF8(v)
	case etf.Binary:
		return erlang.OtpErlangBinary{Value: []byte(v), Bits: 8}
	case etf.Tuple:
		return erlang.OtpErlangTuple(toPeers(v))
	case etf.List:
		return erlang.OtpErlangList{Value: toPeers(v)}
	case etf.Improper:
		return erlang.OtpErlangList{Value: append(toPeers(v.Elems), toPeer(v.Tail)), Improper: true}
	case etf.Map:
		m := erlang.OtpErlangMap{}
		for _, p := range v {
			m[toPeer(p.Key)] = toPeer(p.Value)
		}
		return m
	}
	return term
}

func toPeers(terms []any) []any {
	peers := make([]any, len(terms))
	for i, t := range terms {
		peers[i] = toPeer(t)
	}
	return peers
}

// fromPeer turns erlang_go's values into ours. It has a string where Erlang
// wrote a list of bytes so, and Go's own for three atoms.
func fromPeer(peer any) any {
	switch v := peer.(type) {
	case nil:
		return etf.Atom("undefined")
	case bool:
		if v {
			return etf.Atom("true")
		}
		return etf.Atom("false")
	case uint8:
		return int64(v)
	case int32:
		return int64(v)
	case *big.Int:
		if v.IsInt64() {
			return v.Int64()
		}
		return v
	case string:
		list := make(etf.List, len(v))
		for i := range len(v) {
			list[i] = int64(v[i])
		}
		return list
	case erlang.OtpErlangAtomUTF8:
		return etf.Atom(v)
	case erlang.OtpErlangBinary:
		return etf.Binary(v.Value)
	case erlang.OtpErlangTuple:
		return etf.Tuple(fromPeers(v))
	case erlang.OtpErlangList:
		if last := len(v.Value) - 1; v.Improper {
			return etf.Improper{Elems: fromPeers(v.Value[:last]), Tail: fromPeer(v.Value[last])}
		}
		return etf.List(fromPeers(v.Value))
	case erlang.OtpErlangMap:
		m := etf.Map{}
		for k, value := range v {
			m = append(m, etf.Pair{Key: fromPeer(k), Value: fromPeer(value)})
		}
		return m
	}
	return peer
}

func fromPeers(peers []any) []any {
	terms := make([]any, len(peers))
	for i, p := range peers {
		terms[i] = fromPeer(p)
	}
	return terms
}

// randomTerm makes terms that erlang_go knows: maps have one key at most, since
// it keeps no order, and never a binary for a key, which it cannot read.
func randomTerm(r *rand.Rand, depth int) any {
	if depth == 0 {
		return randomScalar(r)
	}
	some := func() []any {
		terms := make([]any, r.IntN(5))
		for i := range terms {
			terms[i] = randomTerm(r, r.IntN(depth))
		}
		return terms
	}
	switch r.IntN(5) {
	case 0:
		return etf.Tuple(some())
	case 1:
		return etf.List(some())
	case 2:
		if elems := some(); len(elems) > 0 {
			return etf.Improper{Elems: elems, Tail: randomScalar(r)}
		}
		return etf.List{}
	case 3:
		return etf.Map{{Key: etf.Atom("key"), Value: randomTerm(r, depth-1)}}
	}
	return randomScalar(r)
}

func randomScalar(r *rand.Rand) any {
	switch r.IntN(6) {
	case 0:
		return int64(r.Uint64()) >> r.IntN(64)
	case 1:
		n := new(big.Int).Lsh(big.NewInt(1+r.Int64N(1000)), uint(64+r.IntN(3000)))
		if r.IntN(2) == 0 {
			n.Neg(n)
		}
		return n
	case 2:
		return r.NormFloat64()
	case 3:
		return []any{etf.Atom(""), etf.Atom("ok"), etf.Atom("true"), etf.Atom("undefined"), etf.Atom(rep(200, "π"))}[r.IntN(5)]
	case 4:
		return etf.Binary(make([]byte, r.IntN(300)))
	}
	return int64(r.IntN(256))
}

func TestErlangGoReadsWhatWeWrite(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		term := randomTerm(r, 6)
		data, err := etf.Append(etf.AppendVersion(nil), term)
		require.NoError(t, err)
		peer, err := erlang.BinaryToTerm(data)
		require.NoError(t, err)
		require.Equal(t, term, fromPeer(peer))
	}
}

func TestWeReadWhatErlangGoWrites(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		term := randomTerm(r, 6)
		data, err := erlang.TermToBinary(toPeer(term), -1)
		require.NoError(t, err)
		ours, err := etf.Decode(data, etf.Limits{})
		require.NoError(t, err)
		require.Equal(t, term, ours)
	}
}
