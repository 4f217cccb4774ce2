package etf_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// A limit says at which term it was passed, and means the same one for every reader.
func TestALimitSaysAtWhichTermItWasPassed(t *testing.T) {
	for _, c := range []struct {
		name, data string
		lim        etf.Limits
		offset     int
	}{
		{"depth", "\x83h\x01h\x01j", etf.Limits{MaxDepth: 1}, 3},
		{"terms", "\x83h\x02jh\x03jjj", etf.Limits{MaxTerms: 5}, 4},
		{"string", "\x83h\x02jk\x00\x03abc", etf.Limits{MaxTerms: 5}, 4},
		{"pairs", "\x83h\x01t\x00\x00\x00\x02a\x01ja\x02j", etf.Limits{MaxPairs: 1}, 3},
		{"atoms", "\x83h\x02w\x01aw\x01b", etf.Limits{MaxAtoms: 1}, 6},
		{"big", "\x83h\x01n\x03\x00\x01\x02\x03", etf.Limits{MaxBigBytes: 2}, 3},
		{"memory", "\x83h\x01m\x00\x00\x00\x01x", etf.Limits{MaxMemory: 50}, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got *etf.LimitError
			require.ErrorAs(t, etf.Valid(c.data, c.lim), &got)
			require.Equal(t, c.offset, got.Offset)
			require.EqualError(t, got, fmt.Sprintf("etf: limit %s is %d, got %d at offset %d", got.Limit, got.Max, got.Got, c.offset))
			for _, into := range []any{new(any), new(etf.RawTerm)} {
				err := etf.Options{Limits: c.lim}.Unmarshal([]byte(c.data), into)
				var at *etf.UnmarshalError
				require.ErrorAs(t, err, &at)
				require.Equal(t, c.offset, at.Offset, "%T", into)
				require.Equal(t, got, at.Err, "%T", into)
				require.EqualError(t, at, fmt.Sprintf("etf: at byte %d: limit %s is %d, got %d", c.offset, got.Limit, got.Max, got.Got))
			}
		})
	}
}

// The path leads to the term, and the offset is of it.
func TestALimitWithinAStructHasItsPathAndItsOffset(t *testing.T) {
	type inner struct {
		Name any
	}
	data, err := etf.Marshal(map[string][]inner{"all": {{1}, {2}, {etf.List{etf.List{int64(1000)}}}}})
	require.NoError(t, err)
	var into struct{ All []inner }
	err = etf.Options{Limits: etf.Limits{MaxDepth: 4}}.Unmarshal(data, &into)
	var at *etf.UnmarshalError
	require.ErrorAs(t, err, &at)
	require.Equal(t, "all[2].name", at.Path)
	require.Equal(t, byte('l'), data[at.Offset])
	require.EqualError(t, err, fmt.Sprintf("etf: at byte %d, in all[2].name: limit MaxDepth is 4, got 5", at.Offset))
}
