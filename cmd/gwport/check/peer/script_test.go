package peer

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

func TestTermsOfScripts(t *testing.T) {
	of := func(name string) (int64, bool) { return 1000, name == "max_head" }
	for text, want := range map[string]any{
		`max_head-1+3`:       int64(1002),
		`-1`:                 int64(-1),
		`"a\x00"*2+"b"`:      etf.Binary("a\x00a\x00b"),
		`{1, [], ["x"|2]}`:   etf.Tuple{int64(1), etf.List(nil), etf.Improper{Elems: etf.List{etf.Binary("x")}, Tail: int64(2)}},
		`#{"k": {}, 1:true}`: etf.Map{{Key: etf.Binary("k"), Value: etf.Tuple(nil)}, {Key: int64(1), Value: etf.Atom("true")}},
		`~"w\x01n"`:          etf.Raw("w\x01n"),
		`^2`:                 etf.Tuple{etf.Tuple{0}},
		`pattern*3`:          etf.Binary("\x00\x01\x02"),
	} {
		require.Equal(t, want, Term(text, of), text)
	}
	for _, wrong := range []string{`1 2`, `window`, `"open`, `{1`} {
		require.Panics(t, func() { Term(wrong, of) }, wrong)
	}
}

// steps records what an actor is told to do.
type steps []string

func (s *steps) Step(verb, args string)           { *s = append(*s, verb+"("+args+")") }
func (s *steps) With(name string, do func())      { *s = append(*s, name+":"); do() }
func (s *steps) Number(name string) (int64, bool) { return 2, name == "streams" }

func TestLinesOfScripts(t *testing.T) {
	for line, want := range map[string][]string{
		`GET /x body | 200 "a | b" | fin`:        {"GET(/x body)", `200("a | b")`, "fin()"},
		`for 1 (credit 2 | ping) : head $ | fin`: {"head(1)", "fin()", "head(credit 2)", "ping()", "fin()"},
		`times 5 or streams: credit $`:           {"credit(1)", "credit(2)"},
		`late: chunk "a: b"`:                     {"late:", `chunk("a: b")`},
		`for a b : $: abort {1, "x"}`:            {"a:", `abort({1, "x"})`, "b:", `abort({1, "x"})`},
	} {
		var got steps
		Play(&got, line)
		require.Equal(t, want, []string(got), line)
	}
}

func TestScriptsAndTheirRows(t *testing.T) {
	all := Scripts("# said\n\n[F1 alone code] one\nabort/$ [A2] with %1\n  rows 0 (1 \"two words\" x)\n  # said\n  abort $ |\n    %2\n")
	require.Equal(t, []Script{{Rule: "F1", Flags: "alone code", Name: "one"}}, all[0].Rows())
	require.True(t, all[0].Is("code") && all[0].Is("alone") && !all[1].Is("code"))
	require.Equal(t, []Script{
		{Path: "abort/0", Rule: "A2", Name: "with 0", Lines: []string{"abort 0 | 02"}},
		{Path: "abort/1", Rule: "A2", Name: "with two words", Lines: []string{"abort 1 | x"}},
	}, all[1].Rows())
}
