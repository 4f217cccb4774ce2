package erlanggo_test

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/gwport/gwport/bridge/erlanggo"
	"github.com/gwport/gwport/etf"
	"github.com/okeuday/erlang_go/v2/erlang"
	"github.com/stretchr/testify/require"
)

var (
	aPid     = etf.Pid{Node: "n@h", ID: 1, Serial: 2, Creation: 3}
	bothWays = map[string]any{
		"a byte": int64(255), "an integer": int64(-256), "the greatest of four bytes": int64(math.MaxInt32),
		"more than four bytes": int64(math.MaxInt32 + 1), "the least of 64 bits": int64(math.MinInt64),
		"a big integer": new(big.Int).Lsh(big.NewInt(-3), 3000), "a float": 1.5,
		"an atom": etf.Atom("grün"), "an empty atom": etf.Atom(""), "true": etf.Atom("true"), "false": etf.Atom("false"),
		"undefined": etf.Atom("undefined"), "a long atom": etf.Atom(strings.Repeat("π", 255)),
		"a binary": etf.Binary("\xff\x00"), "bits": etf.Bits{Bytes: "a\xa0", Last: 3},
		"a tuple": etf.Tuple{int64(1), etf.Tuple{}}, "a list": etf.List{int64(256), etf.Atom("a")}, "no list": etf.List{},
		"a string": etf.List{int64(0), int64(255)}, "an improper list": etf.Improper{Elems: etf.List{int64(1)}, Tail: etf.Atom("b")},
		"a map": etf.Map{{Key: etf.Atom("k"), Value: etf.Map{{Key: int64(1), Value: aPid}}}},
		"a pid": aPid, "a pid of a long node": etf.Pid{Node: etf.Atom(strings.Repeat("ö", 250)), ID: 1},
		"a port": etf.Port{Node: "n", ID: 7, Creation: 2}, "a large port": etf.Port{Node: "n", ID: 1 << 40, Creation: 2},
		"a reference":  etf.Ref{Node: "n", Creation: 1, Words: [5]uint32{1, 2, 3}, Len: 3},
		"an alias":     etf.Ref{Node: "n", Creation: 1, Words: [5]uint32{1, 2, 3, 4, 5}, Len: 5},
		"an export":    etf.Export{Module: "lists", Function: "map", Arity: 2},
		"a fun":        etf.Fun{Module: "m", Arity: 1, Index: 3, OldUniq: 70000, Pid: aPid, Free: etf.List{etf.Tuple{aPid}}},
		"66k integers": etf.List(manyOf(66_000, int64(1))),
	}
)

func manyOf(n int, term any) []any {
	terms := make([]any, n)
	for i := range terms {
		terms[i] = term
	}
	return terms
}

// What FromTerm gives is what erlang_go reads, and ToTerm brings it back.
func TestEveryTermGoesToErlangGoAndBack(t *testing.T) {
	for name, term := range bothWays {
		t.Run(name, func(t *testing.T) {
			v, err := erlanggo.FromTerm(term)
			require.NoError(t, err)
			data, err := etf.Append(etf.AppendVersion(nil), term)
			require.NoError(t, err)
			written, err := erlang.TermToBinary(v, -1)
			require.NoError(t, err)
			again, err := etf.Decode(written, etf.Limits{})
			require.NoError(t, err)
			require.Equal(t, term, again)
			want, err := erlang.BinaryToTerm(data)
			if _, local := term.(etf.Fun); local {
				require.Error(t, err, "no longer a limit of erlang_go: say so in the package's comment")
			} else {
				require.NoError(t, err)
				require.Equal(t, want, v)
			}
			back, err := erlanggo.ToTerm(v)
			require.NoError(t, err)
			require.Equal(t, term, back)
		})
	}
}

// What ToTerm gives is what erlang_go writes.
func TestEveryValueOfErlangGoIsATerm(t *testing.T) {
	for _, v := range []any{
		nil, true, int8(-1), int16(-300), int32(1), int64(1 << 40), int(-1 << 40), uint8(1), uint16(300), uint32(1 << 31), uint64(1 << 63),
		big.NewInt(7), float32(0.5), 2.5, "", "abc", []byte("b"), atom("gr\xfcn"), erlang.OtpErlangAtomUTF8("grün"),
		tuple{1, []any{2, "x"}},
		listOf(1, "a"), improper(1, 2), improper(1, listOf(2, 3)), improper(1, improper(2, 3)), improper(1, "ab"),
		erlang.OtpErlangMap{"k": 1},
		map[any]any{atom("k"): bin("v")},
		erlang.OtpErlangBinary{Value: []byte("a\xff"), Bits: 3},
		erlang.OtpErlangPid{NodeTag: 115, Node: []byte("\x01n"), ID: []byte{0, 0, 0, 1}, Serial: []byte{0, 0, 0, 2}, Creation: []byte{1}},
	} {
		data, err := erlang.TermToBinary(v, -1)
		require.NoError(t, err, "%#v", v)
		want, err := etf.Decode(data, etf.Limits{})
		require.NoError(t, err, "%#v", v)
		got, err := erlanggo.ToTerm(v)
		require.NoError(t, err, "%#v", v)
		require.Equal(t, want, got, "%#v", v)
	}
}

func TestWhatOneOfTheTwoHasNotIsAnError(t *testing.T) {
	itself := make([]any, 1)
	itself[0] = itself
	for name, v := range map[string]any{
		"a cached atom": erlang.OtpErlangAtomCacheRef(1), "another type": struct{}{}, "uint, which erlang_go lacks": uint(1),
		"an atom of 256": atom(strings.Repeat("a", 256)), "an atom not UTF-8": erlang.OtpErlangAtomUTF8("\xff"),
		"infinity": math.Inf(1), "a nil big": (*big.Int)(nil), "nine bits": erlang.OtpErlangBinary{Value: []byte("a"), Bits: 9},
		"a tail alone": improper(1), "a bad pid": erlang.OtpErlangPid{NodeTag: 119, Node: []byte("\x09n"), Creation: []byte{1}},
		"within": tuple{listOf(struct{}{})}, "a key": erlang.OtpErlangMap{struct{}{}: 1}, "itself": itself,
	} {
		_, err := erlanggo.ToTerm(v)
		require.Error(t, err, name)
	}
	for name, term := range map[string]any{
		"a key that is a binary":  etf.Map{{Key: etf.Binary("k"), Value: int64(1)}},
		"a key that is a tuple":   etf.Tuple{etf.Map{{Key: etf.Tuple{int64(1)}, Value: int64(1)}}},
		"a key that is large":     etf.Map{{Key: int64(1 << 40), Value: int64(1)}},
		"keys alike to Go":        etf.Map{{Key: 0.0, Value: int64(1)}, {Key: math.Copysign(0, -1), Value: int64(2)}},
		"a key that is a pid":     etf.Map{{Key: aPid, Value: int64(1)}},
		"a Go value":              struct{}{},
		"a Ref that is none":      etf.Ref{Node: "n"},
		"nothing that is a value": nil,
	} {
		_, err := erlanggo.FromTerm(term)
		require.Error(t, err, name)
	}
}

func ExampleToTerm() {
	v, _ := erlang.BinaryToTerm([]byte("\x83h\x02w\x02okk\x00\x02hi"))
	term, _ := erlanggo.ToTerm(v)
	fmt.Println(etf.Text(term))
	// Output: {ok,"hi"}
}

// To call what was written for erlang_go with a term that etf has read.
func ExampleFromTerm() {
	v, err := erlanggo.FromTerm(etf.Tuple{etf.Atom("ok"), etf.Binary("hi"), int64(7)})
	fmt.Printf("%#v %v\n", v.(erlang.OtpErlangTuple)[1], err)
	_, err = erlanggo.FromTerm(etf.Map{{Key: etf.Binary("a"), Value: int64(1)}})
	fmt.Println(err != nil, "for a map with a binary for a key, which erlang_go has no value for")
	// Output:
	// erlang.OtpErlangBinary{Value:[]uint8{0x68, 0x69}, Bits:0x8} <nil>
	// true for a map with a binary for a key, which erlang_go has no value for
}
