package etf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// ownMap is a Go map that is a term of its own making.
type ownMap map[string]int

func (m ownMap) AppendETF(dst []byte) ([]byte, error) { return etf.AppendNil(dst), nil }
func (m *ownMap) ReadETF(r *etf.Reader) error         { return r.Skip() }

func TestAnInlineMapHasNoKeyOfAField(t *testing.T) {
	for _, more := range []etf.Map{{{a("a"), 2}}, {{b("a"), 2}}} {
		_, err := etf.Marshal(rest{1, more})
		require.EqualError(t, err, "etf: key of an inline map that is a field's name, a")
	}
	_, err := etf.Marshal(struct {
		_    struct{} `etf:",proplist"`
		A    int
		More map[etf.Atom]int `etf:",inline"`
	}{A: 1, More: map[etf.Atom]int{"a": 2}})
	require.EqualError(t, err, "etf: key of an inline map that is a field's name, a")
	got := read[rest](t, etf.Options{}, etf.Map{{a("a"), 1}, {a("b"), 2}, {etf.Tuple{}, 3}})
	data, err := etf.Marshal(got)
	require.NoError(t, err)
	require.Equal(t, term(t, etf.Map{{a("a"), 1}, {a("b"), 2}, {etf.Tuple{}, 3}}), data)
}

// An inline field is written pair by pair among the fields, which only a map can be
// that is written as a map.
func TestWhatIsNoPlainMapCannotBeInline(t *testing.T) {
	stranger := term(t, etf.Map{{a("stranger"), 1}})
	for want, v := range map[string]any{
		"inline is for maps, and etf_test.ownMap reads or writes a term by methods of its own": &struct {
			A    int
			More ownMap `etf:",inline"`
		}{},
		"inline does not go together with an option for how a value is written": &struct {
			A    int
			More map[string]int `etf:",inline,proplist"`
		}{},
		"inline is for structs and maps": &struct {
			A int `etf:",inline"`
		}{},
	} {
		require.ErrorContains(t, etf.Unmarshal(stranger, v), want)
		_, err := etf.Marshal(v)
		require.ErrorContains(t, err, want)
	}
}
