package main

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strings"

	"github.com/gwport/gwport/etf"
)

// random makes a term of any kind, the same for the same seed. Its atoms are those that every Erlang has.
func random(seed uint64) any {
	m := maker{rand.New(rand.NewPCG(seed, 0))}
	return m.term(m.IntN(7))
}

type maker struct{ *rand.Rand }

func (m maker) term(depth int) any {
	if depth == 0 || m.IntN(4) == 0 {
		return m.leaf()
	}
	switch m.IntN(5) {
	case 0:
		return etf.Tuple(m.some(depth))
	case 1:
		return etf.List(m.some(depth))
	case 2:
		return etf.Improper{Elems: append(m.some(depth), m.leaf()), Tail: m.atom()}
	case 3:
		return m.mapOf(depth)
	}
	return etf.Fun{
		Module: m.atom(), Arity: byte(m.IntN(256)), Index: m.Uint32() >> 5, OldIndex: int32(m.Uint32() >> 5),
		OldUniq: int32(m.Uint32() >> 5), Pid: m.pid(), Free: m.free(depth),
	}
}

// free has no more values than a fun can close over.
func (m maker) free(depth int) []any {
	terms := m.some(depth)
	return terms[:min(len(terms), 255)]
}

func (m maker) some(depth int) []any {
	n := m.IntN(6)
	if m.IntN(50) == 0 {
		n, depth = m.IntN(300), 1
	}
	terms := make([]any, n)
	for i := range terms {
		terms[i] = m.term(depth - 1)
	}
	return terms
}

// mapOf has keys of every kind, each told apart from the others by a number in it.
func (m maker) mapOf(depth int) etf.Map {
	pairs := make(etf.Map, m.IntN(6))
	if m.IntN(10) == 0 {
		pairs = make(etf.Map, m.IntN(60))
		depth = 1
	}
	for i := range pairs {
		pairs[i] = etf.Pair{Key: etf.Tuple{int64(i), m.term(depth - 1)}, Value: m.term(depth - 1)}
		if m.IntN(2) == 0 {
			pairs[i].Key = int64(i)
		}
	}
	return pairs
}

func (m maker) leaf() any {
	switch m.IntN(12) {
	case 0:
		return int64(m.Uint64()) >> m.IntN(64)
	case 1:
		return int64(m.IntN(256))
	case 2:
		return m.big()
	case 3:
		return m.float()
	case 4, 5:
		return m.atom()
	case 6:
		return etf.Binary(m.bytes(m.IntN(300)))
	case 7:
		last := uint8(1 + m.IntN(7))
		bytes := []byte(m.bytes(1 + m.IntN(20)))
		bytes[len(bytes)-1] &= 0xff << (8 - last)
		return etf.Bits{Bytes: etf.Binary(bytes), Last: last}
	case 8:
		return m.pid()
	case 9:
		return etf.Port{Node: m.atom(), ID: m.Uint64() >> m.IntN(64), Creation: m.Uint32()}
	case 10:
		return m.ref()
	}
	return etf.Export{Module: "lists", Function: "map", Arity: 2} // [safe] wants one that is there
}

func (m maker) big() any {
	digits := []byte(m.bytes(m.IntN(400)))
	n := new(big.Int).SetBytes(digits)
	if m.IntN(2) == 0 {
		n.Neg(n)
	}
	return n
}

func (m maker) float() float64 {
	for {
		if f := math.Float64frombits(m.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
}

func (m maker) pid() etf.Pid {
	return etf.Pid{Node: m.atom(), ID: m.Uint32(), Serial: m.Uint32(), Creation: m.Uint32()}
}

// ref has not one word: the BEAM of OTP 25 does not find such a key in a map of more than 32 pairs, and takes two equal maps
// that have one for different.
func (m maker) ref() etf.Ref {
	r := etf.Ref{Node: m.atom(), Creation: m.Uint32(), Len: []uint8{2, 3, 5}[m.IntN(3)]}
	for i := range r.Len {
		r.Words[i] = m.Uint32()
	}
	return r
}

func (m maker) atom() etf.Atom {
	atoms := strings.Fields("ok error true false undefined nil lists map a infinity nonode@nohost")
	return etf.Atom(atoms[m.IntN(len(atoms))])
}

func (m maker) bytes(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(m.Uint32())
	}
	return string(b)
}
