package etf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// A Go string is text, unless its reader says that it may be anything.
func TestBytesThatAreNotUTF8AreNoGoStringUnlessAnOptionSaysSo(t *testing.T) {
	type charlist struct {
		S string `etf:"s,charlist"`
	}
	bad, good := "caf\xe9", "caf\u00e9"
	for name, c := range map[string]struct {
		value  func(s string) any
		into   func() any
		offset int
		path   string
	}{
		"string":         {func(s string) any { return s }, func() any { return new(string) }, 1, ""},
		"element":        {func(s string) any { return []string{"a", s} }, func() any { return new([]string) }, 12, "[1]"},
		"key of a map":   {func(s string) any { return map[string]int{s: 1} }, func() any { return new(map[string]int) }, 6, ""},
		"charlist field": {func(s string) any { return map[string]string{"s": s} }, func() any { return new(charlist) }, 12, "s"},
	} {
		t.Run(name, func(t *testing.T) {
			lax := etf.Options{AllowInvalidUTF8: true}
			data, err := etf.Marshal(c.value(bad))
			require.NoError(t, err)
			require.NoError(t, lax.Unmarshal(data, c.into()))
			var at *etf.UnmarshalError
			require.ErrorAs(t, etf.Unmarshal(data, c.into()), &at)
			require.Equal(t, &etf.MismatchError{Msg: "text that is not UTF-8 where a Go string is wanted"}, at.Err)
			require.Equal(t, c.offset, at.Offset)
			require.Equal(t, c.path, at.Path)
			data, err = etf.Marshal(c.value(good))
			require.NoError(t, err)
			require.NoError(t, etf.Unmarshal(data, c.into()))
		})
	}
	data, err := etf.Marshal(bad)
	require.NoError(t, err)
	for _, into := range []any{new(etf.Binary), new([]byte), new(any)} {
		require.NoError(t, etf.Unmarshal(data, into), "%T", into)
	}
	require.Error(t, etf.Valid("\x83w\x01\xe9", etf.Limits{}), "an atom is UTF-8 always")
}
