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

// A proplist is read into a struct as into a Go map.
func TestProplistsOfStructsAndOfMapsAreReadTheSameWay(t *testing.T) {
	type open struct {
		_     struct{} `etf:",proplist"`
		Debug bool     `etf:",omitempty"`
		More  etf.Map  `etf:",inline"`
	}
	type goOpen struct {
		_     struct{}       `etf:",proplist"`
		Debug bool           `etf:",omitempty"`
		Rest  map[string]any `etf:",inline"`
	}
	type inMap struct {
		M map[string]any `etf:"m,proplist"`
	}
	list := etf.List{
		a("debug"), a("x"),
		etf.Tuple{a("y"), 1},
		etf.Tuple{a("x"), 2},
		a("y"),
		etf.Tuple{a("debug"), a("false")},
		etf.Tuple{a("z"), 1},
		etf.Tuple{a("z"), 2},
		a("z"),
	}
	none := etf.Options{}
	require.Equal(t, open{Debug: true, More: etf.Map{{a("x"), a("true")}, {a("y"), int64(1)}, {a("z"), int64(1)}}}, read[open](t, none, list))
	rest := map[string]any{"x": a("true"), "y": int64(1), "z": int64(1)}
	require.Equal(t, goOpen{Debug: true, Rest: rest}, read[goOpen](t, none, list))
	rest["debug"] = a("true")
	require.Equal(t, inMap{rest}, read[inMap](t, none, etf.Map{{a("m"), list}}))
	// Keys of other kinds are in a Map as well, and the first counts.
	odd := etf.List{etf.Tuple{etf.Tuple{1}, 1}, etf.Tuple{etf.Tuple{1}, 2}, etf.Tuple{b("x"), 1}, etf.Tuple{a("x"), 2}}
	require.Equal(t, etf.Map{{etf.Tuple{int64(1)}, int64(1)}, {b("x"), int64(1)}, {a("x"), int64(2)}}, read[open](t, none, odd).More)
	for _, c := range []struct{ term, into any }{
		{etf.List{b("debug")}, new(open)},
		{etf.List{b("debug")}, new(goOpen)},
		{etf.List{b("x")}, new(open)},
		{etf.Map{{a("m"), etf.List{b("debug")}}}, new(inMap)},
		{etf.List{etf.Tuple{a("debug")}}, new(open)},
		{etf.List{1000}, new(open)},
	} {
		require.ErrorContains(t, etf.Unmarshal(term(t, c.term), c.into), "[0]: element of a proplist that is no pair, and no atom")
	}
}

// An atom alone is one atom, whatever is read of it.
func TestABareAtomOfAProplistCountsOnce(t *testing.T) {
	type open struct {
		_    struct{} `etf:",proplist"`
		A    bool
		Rest map[string]bool `etf:",inline"`
	}
	type inMap struct {
		_ struct{}        `etf:",tuple"`
		M map[string]bool `etf:"m,proplist"`
	}
	list := etf.List{a("a"), a("b"), a("c")}
	for into, v := range map[any]any{new(open): list, new(settings): list, new(inMap): etf.Tuple{list}} {
		require.NoError(t, etf.Options{Limits: etf.Limits{MaxAtoms: 3}}.Unmarshal(term(t, v), into))
		require.ErrorContains(t, etf.Options{Limits: etf.Limits{MaxAtoms: 2}}.Unmarshal(term(t, v), into), "limit MaxAtoms is 2, got 3")
	}
}

type common struct{ ID, Size int }

type left struct{ common }

type right struct{ common }

type below struct{ common }

// Go has no field for a name that stands for two of them, nor has the term.
func TestFieldsOfAStructThatIsEmbeddedTwiceAreNone(t *testing.T) {
	type deeper struct{ below }
	for _, v := range []any{
		struct {
			left
			right
			Own int
		}{},
		struct {
			A   common `etf:",inline"`
			B   common `etf:",inline"`
			Own int
		}{},
		struct {
			A   below `etf:",inline"`
			B   below `etf:",inline"`
			Own int
		}{},
		struct {
			A   deeper `etf:",inline"`
			B   deeper `etf:",inline"`
			Own int
		}{},
	} {
		data, err := etf.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, term(t, etf.Map{{a("own"), 0}}), data, "%T", v)
	}
	data, err := etf.Marshal(struct {
		left
		common
	}{left{common{1, 2}}, common{3, 4}})
	require.NoError(t, err)
	require.Equal(t, term(t, etf.Map{{a("id"), 3}, {a("size"), 4}}), data, "the one further out")
}
