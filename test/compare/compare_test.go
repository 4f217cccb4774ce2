package main

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/test/compare/cases"
)

// Whatever differs from net/http is in one of the lists, and as it says there; what is in a list differs.
func TestGwportServesAsNetHTTPDoes(t *testing.T) {
	if _, err := exec.LookPath("erl"); err != nil {
		t.Fatal("there is no Erlang on PATH")
	}
	s, err := start(t.Context(), tree{root: "../.."}, t.TempDir())
	require.NoError(t, err)
	defer s.stop()
	counts := tally{}
	runAll(t.Context(), s, cases.Themes(), regexp.MustCompile("."), func(v verdict) {
		counts.add(v)
		if v.kind == failed {
			t.Error(v.line())
		}
	})
	var summary bytes.Buffer
	counts.print(&summary)
	t.Log("\n" + summary.String())
	require.NoError(t, s.at.strayed())
}

// A row names a case and transports that there are, says what differs and why, and is the only one for its place.
func TestEachRowIsOfACaseAndSaysWhy(t *testing.T) {
	all := rowsOf(cases.Themes())
	taken := make(map[[3]string]bool)
	for _, theme := range cases.Themes() {
		for _, c := range theme.Cases {
			name := theme.Name + "/" + c.Name
			for _, row := range all[name] {
				require.NotEmpty(t, row.Differs, name)
				require.NotEmpty(t, row.Why, name)
				require.NotEmpty(t, row.Mounts, name)
				require.Equal(t, row.Clause != "" || row.list == "chosen", row.NetHTTP != nil, name)
				require.True(t, row.Clause == "" || row.list == "forced" && strings.HasPrefix(row.Clause, "RFC "), name)
				require.Equal(t, row.list == "chosen", row.Words != "", name)
				require.Equal(t, row.list == "not yet", row.Needs != "", name)
				for _, transport := range cases.All {
					if row.On != nil && !slices.Contains(row.On, transport) {
						continue
					}
					require.True(t, row.On == nil || c.Has(transport), name)
					for _, mount := range row.Mounts {
						place := [3]string{name, transport, mount}
						require.False(t, taken[place], place)
						taken[place] = true
					}
				}
			}
			delete(all, name)
		}
	}
	require.Empty(t, all, "rows of cases that there are not")
}

// The user finds what gwport has chosen where the row says, in these words.
func TestTheDocumentsTellWhatIsChosen(t *testing.T) {
	texts := make(map[string]string)
	for _, document := range []string{"README.md", "SPEC.md", "erlang/doc/limits.md"} {
		text, err := os.ReadFile("../../" + document)
		require.NoError(t, err)
		texts[document] = strings.Join(strings.Fields(string(text)), " ")
	}
	for _, theme := range cases.Themes() {
		for _, row := range theme.Chosen {
			require.Contains(t, texts, row.Document, theme.Name+"/"+row.Case)
			if !strings.Contains(texts[row.Document], row.Words) {
				t.Errorf("%s/%s: %s does not say %q", theme.Name, row.Case, row.Document, row.Words)
			}
		}
	}
}

// enough is the least number of cases. Those that differ in a number alone are there where a limit lies between, and few.
const enough = 400

func TestThereAreEnoughCasesOnEachTransport(t *testing.T) {
	count := make(map[string]int)
	for _, j := range jobs(cases.Themes(), everyCase) {
		count[j.transport]++
	}
	for _, transport := range cases.All {
		require.GreaterOrEqual(t, count[transport], enough, transport)
	}
}
