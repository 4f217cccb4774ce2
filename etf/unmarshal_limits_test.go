package etf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// large is what a byte of a term becomes 4000 bytes by.
type large [4000]byte

func (l *large) ReadETF(r *etf.Reader) error { return r.Skip() }

// Large is exported, so that a pointer to it can be embedded.
type Large struct {
	Bytes large `etf:"bytes"`
}

// What a Go value takes and its term does not is counted before it is allocated.
func TestMaxMemoryHoldsForAllThatUnmarshalAllocates(t *testing.T) {
	type embedding struct {
		_ struct{} `etf:",proplist"`
		*Large
	}
	properties := make(etf.List, 1000)
	for i := range properties {
		properties[i] = etf.List{etf.Tuple{a("bytes"), 1}}
	}
	pairs := etf.Map{}
	for i := range 1000 {
		pairs = append(pairs, etf.Pair{Key: i, Value: 1})
	}
	for name, c := range map[string]struct {
		term  any
		fresh func() any
	}{
		"pointers":                   {etf.List(repeat(1000, etf.Atom("a"))), func() any { return new([]*large) }},
		"embedded pointers":          {properties, func() any { return new([]embedding) }},
		"values of a map":            {pairs, func() any { return new(map[int]large) }},
		"values of a proplist's map": {etf.Tuple{etf.List(tuples(pairs))}, func() any { return new(propertiesOf) }},
	} {
		t.Run(name, func(t *testing.T) {
			data := term(t, c.term)
			enough, tooLittle := c.fresh(), c.fresh()
			require.NoError(t, etf.Options{Limits: etf.Limits{MaxMemory: 24 << 20}}.Unmarshal(data, enough))
			var limit *etf.LimitError
			spent := allocated(func() {
				require.ErrorAs(t, etf.Options{Limits: etf.Limits{MaxMemory: 1 << 20}}.Unmarshal(data, tooLittle), &limit)
			})
			require.Equal(t, "MaxMemory", limit.Limit)
			require.Less(t, spent, uint64(3<<20), "what is taken and the tables of a map that grows")
		})
	}
}

type propertiesOf struct {
	_ struct{}      `etf:",tuple"`
	M map[int]large `etf:"m,proplist"`
}

func tuples(m etf.Map) (list []any) {
	for _, p := range m {
		list = append(list, etf.Tuple{p.Key, p.Value})
	}
	return list
}
