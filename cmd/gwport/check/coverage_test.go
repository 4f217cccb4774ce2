package check

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/test/corpus"
)

// elsewhere are the rules that neither the corpus nor `gwport check` shows, and
// why.
var elsewhere = map[string]string{
	"G2": "binds the host",
	"R6": "binds the host: what it concludes",
	"D3": "binds the host",
	"E1": "not on the wire; test/vectors/environ.txt holds both sides to it",
	"E2": "not on the wire; test/vectors/environ.txt holds both sides to it",
	"E3": "not on the wire; test/vectors/environ.txt holds both sides to it",
}

// Every rule of SPEC.md has a check or an entry in the corpus, or a reason; and
// what claims to show a rule names one that there is.
func TestEveryRuleIsCovered(t *testing.T) {
	text, err := os.ReadFile("../../../SPEC.md")
	require.NoError(t, err)
	var ids []string
	for _, m := range regexp.MustCompile(`(?m)^- \[([A-Z][0-9]+)\]`).FindAllStringSubmatch(string(text), -1) {
		ids = append(ids, m[1])
	}
	require.GreaterOrEqual(t, len(ids), 50)
	checks, entries := map[string]int{}, map[string]int{}
	for _, r := range rules {
		checks[r.id]++
	}
	for _, id := range corpusRules(t) {
		entries[id]++
	}
	both, onlyCheck, onlyCorpus := 0, 0, 0
	for _, id := range ids {
		_, excused := elsewhere[id]
		switch {
		case checks[id] > 0 && entries[id] > 0:
			both++
		case checks[id] > 0:
			onlyCheck++
		case entries[id] > 0:
			onlyCorpus++
		default:
			require.True(t, excused, "rule %s has neither a check nor an entry in the corpus, nor a reason", id)
		}
		require.False(t, excused && checks[id]+entries[id] > 0, "rule %s needs no reason", id)
	}
	for id := range elsewhere {
		require.Contains(t, ids, id)
	}
	for _, named := range []map[string]int{checks, entries} {
		for id := range named {
			require.True(t, slices.Contains(ids, id) || isSection(string(text), id), "no rule %s in SPEC.md", id)
		}
	}
	t.Logf("%d rules in SPEC.md: %d with checks and corpus, %d with checks, %d with corpus, %d elsewhere; %d lines of checks",
		len(ids), both, onlyCheck, onlyCorpus, len(elsewhere), len(rules))
}

func corpusRules(t *testing.T) (ids []string) {
	t.Helper()
	frames, err := corpus.Frames()
	require.NoError(t, err)
	terms, err := corpus.Terms()
	require.NoError(t, err)
	for _, c := range slices.Concat(frames, terms) {
		ids = append(ids, c.Rule)
	}
	return ids
}

// isSection tells whether an id is the number of a section: 8, 7.3.
func isSection(text, id string) bool {
	return strings.Contains(text, "\n## "+id+". ") || strings.Contains(text, "\n### "+id+" ")
}

// The watch names rules that are in the table, or what it finds would be lost;
// and each of them has a check besides, so that --rule has something to watch.
func TestWatchedRulesAreInTheTable(t *testing.T) {
	var source []byte
	for _, name := range []string{"watch.go", "watch_head.go", "watch_log.go"} {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		source = append(source, b...)
	}
	named := regexp.MustCompile(`violated\("([^"]+)"|rule, expected :?= "([A-Z0-9]+)"`).FindAllStringSubmatch(string(source), -1)
	require.GreaterOrEqual(t, len(named), 20)
	for _, m := range named {
		id := m[1] + m[2]
		has := func(watched bool) bool {
			return slices.ContainsFunc(rules, func(r rule) bool { return r.id == id && (r.check == nil) == watched })
		}
		require.True(t, has(true), "%s has no line for the watch", id)
		require.True(t, has(false), "%s has no check", id)
	}
}
