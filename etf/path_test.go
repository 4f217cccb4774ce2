package etf_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// circle is a value that may hold itself.
type circle struct {
	Next *circle
	Last any
}

// A path of 32 steps is shown whole, and of a longer one both its ends.
func TestAPathIsShownUpTo32Steps(t *testing.T) {
	for steps, want := range map[int]string{
		31: strings.Repeat("next.", 31) + "last",
		32: strings.TrimSuffix(strings.Repeat("next.", 16), ".") + " ... " + strings.Repeat("next.", 15) + "last",
	} {
		bad, good := &circle{Last: make(chan int)}, &circle{Last: 1}
		for range steps {
			bad, good = &circle{Next: bad}, &circle{Next: good}
		}
		var m *etf.MarshalError
		_, err := etf.Marshal(bad)
		require.ErrorAs(t, err, &m)
		require.Equal(t, want, m.Path)

		type last struct {
			Next *last
			Last []int
		}
		data, err := etf.Marshal(good)
		require.NoError(t, err)
		data = []byte(strings.ReplaceAll(string(data), "w\x04lastw\x09undefined", "w\x04lastj"))
		var u *etf.UnmarshalError
		require.ErrorAs(t, etf.Unmarshal(data, new(last)), &u)
		require.Equal(t, want, u.Path)
	}
}

// The error of a value that holds itself is one that a log can take.
func TestTheErrorOfAValueThatHoldsItselfIsShort(t *testing.T) {
	itself := &circle{}
	itself.Next = itself
	_, err := etf.Marshal(itself)
	var limit *etf.LimitError
	require.True(t, errors.As(err, &limit))
	require.Less(t, len(err.Error()), 300)
}
