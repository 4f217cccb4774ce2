package script_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/test/compare/script"
)

// Any bytes come back as they were, also where one script is an argument of another.
func TestParseIsTheWayBackFromJoin(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	inner := script.Do("write", string(all), 17, "")
	outer := script.Do("timeout", 100, script.Join(inner, inner))
	ops, err := script.Parse(script.Join(outer, script.Do("flush")))
	require.NoError(t, err)
	require.Equal(t, []script.Op{outer, {Name: "flush"}}, ops)
	ops, err = script.Parse(ops[0].Arg(1))
	require.NoError(t, err)
	require.Equal(t, []script.Op{inner, inner}, ops)
}

func TestParseRefusesWhatIsNoEscape(t *testing.T) {
	for _, bad := range []string{"a:%", "a:%4", "a:%zz"} {
		_, err := script.Parse(bad)
		require.Error(t, err, bad)
	}
}
