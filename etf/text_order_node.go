package etf

import (
	"cmp"
	"slices"
	"strings"
)

// The order of the terms that nodes make, as OTP has it: pids by their numbers
// first, references and ports by their node.

func compareNodes(a, b Atom, aCreation, bCreation uint32) int {
	return cmp.Or(strings.Compare(string(a), string(b)), cmp.Compare(aCreation, bCreation))
}

func comparePids(a, b Pid) int {
	return cmp.Or(
		cmp.Compare(a.Serial, b.Serial),
		cmp.Compare(a.ID, b.ID),
		compareNodes(a.Node, b.Node, a.Creation, b.Creation))
}

func comparePorts(a, b Port) int {
	return cmp.Or(
		compareNodes(a.Node, b.Node, a.Creation, b.Creation),
		cmp.Compare(a.ID, b.ID))
}

// compareRefs takes the last word for the most significant, and words that are
// not there for zeros.
func compareRefs(a, b Ref) int {
	x, y := a.Words, b.Words
	slices.Reverse(x[:])
	slices.Reverse(y[:])
	return cmp.Or(
		compareNodes(a.Node, b.Node, a.Creation, b.Creation),
		slices.Compare(x[:], y[:]))
}

// compareFuns puts the funs that code has before the external ones.
func compareFuns(a, b any, depth int) int {
	x, local := a.(Fun)
	y, ok := b.(Fun)
	switch {
	case local && ok:
		return cmp.Or(
			strings.Compare(string(x.Module), string(y.Module)),
			cmp.Compare(x.OldIndex, y.OldIndex),
			cmp.Compare(x.OldUniq, y.OldUniq),
			cmp.Compare(len(x.Free), len(y.Free)),
			compareAll(x.Free, y.Free, depth))
	case local:
		return -1
	case ok:
		return 1
	}
	m, n := a.(Export), b.(Export)
	return cmp.Or(
		strings.Compare(string(m.Module), string(n.Module)),
		strings.Compare(string(m.Function), string(n.Function)),
		cmp.Compare(m.Arity, n.Arity))
}
