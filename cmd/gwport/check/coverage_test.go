package check

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/cmd/gwport/check/host"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/test/corpus"
)

// files is said of the rules of a capability that a program needs no word of, and the check does not offer.
const files = "test/gwport_file_SUITE plays programs of all kinds against our host, bridge/file_test.go a host against the bridge"

// apps is said of the rules of apps that a host runs itself.
const apps = "not on the wire; test/gwport_run_SUITE.erl and test/gwport_run_tests.erl hold our host to it"

// deferred is said of the rules of Apps in Go that answer later.
const deferred = "not on the wire; bridge/deferred_test.go holds the bridge to it, and test/gwport_apps_SUITE.erl two apps behind Cowboy"

// elsewhere are the rules that neither the corpus nor `gwport check` nor its
// mirror shows, and why.
var elsewhere = map[string]string{
	"E1": "not on the wire; test/vectors/environ.txt holds both sides to it",
	"E2": "not on the wire; test/vectors/environ.txt holds both sides to it",
	"E3": "not on the wire; test/vectors/environ.txt holds both sides to it",
	"W1": apps, "W2": apps, "W3": apps, "W4": apps, "W5": apps, "W6": apps, "W7": apps, "W8": apps, "W9": apps, "W10": apps, "W11": apps,
	"Y1": deferred, "Y2": deferred, "Y3": deferred, "Y4": deferred,
	"B1": files, "B2": files, "B3": files, "B4": files, "B5": files, "B6": files, "B7": files, "B9": files,
	"U8": "test/thirdparty/tunnel_test.go has clients on HTTP/2, which the mirror's is not, for both of our mounts",
	"B8": "bridge/memory_linux_test.go: no byte changes that stands in a client's socket, or that a host may be reading",
}

// Every rule of SPEC.md has a check, a line of the mirror's or an entry in the
// corpus, or a reason; and what claims to show a rule names one that there is.
func TestEveryRuleIsCovered(t *testing.T) {
	text, err := os.ReadFile("../../../SPEC.md")
	require.NoError(t, err)
	var ids []string
	for _, m := range regexp.MustCompile(`(?m)^- \[([A-Z][0-9]+)\]`).FindAllStringSubmatch(string(text), -1) {
		ids = append(ids, m[1])
	}
	require.GreaterOrEqual(t, len(ids), 50)
	columns := []struct {
		name  string
		lines map[string]int
	}{{"check", map[string]int{}}, {"corpus", map[string]int{}}, {"mirror", map[string]int{}}}
	for _, r := range peer.Scripts(corpus.ProgramScripts) {
		columns[0].lines[r.Rule]++
	}
	for _, id := range corpusRules(t) {
		columns[1].lines[id]++
	}
	for _, id := range mirrorRules() {
		columns[2].lines[id]++
	}
	counts := map[string]int{}
	for _, id := range ids {
		_, excused := elsewhere[id]
		var in []string
		for _, c := range columns {
			if c.lines[id] > 0 {
				in = append(in, c.name)
			}
		}
		require.Equal(t, excused, len(in) == 0, "rule %s is shown by %v; is there a reason: %v", id, in, excused)
		counts[strings.Join(in, "+")]++
	}
	for id := range elsewhere {
		require.Contains(t, ids, id)
	}
	for _, c := range columns {
		lines := 0
		for id, n := range c.lines {
			lines += n
			require.True(t, slices.Contains(ids, id) || isSection(string(text), id), "no rule %s in SPEC.md", id)
		}
		t.Logf("%s: %d lines", c.name, lines)
	}
	t.Logf("%d rules in SPEC.md, %d of them elsewhere: %v", len(ids), len(elsewhere), counts)
}

// mirrorRules are the ids of the mirror's lines.
func mirrorRules() (ids []string) {
	for _, s := range host.Lines() {
		ids = append(ids, s.Rule)
	}
	return ids
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

// watchedRules are the ids that the watch of a side names: those of package peer,
// of its rows and others, and those of the player.
func watchedRules(t *testing.T, side string, files ...string) (ids []string) {
	t.Helper()
	notThis := map[string]string{"Host": "P1", "Program": "F7"}[side] // package peer names it for the other side alone
	patterns := []*regexp.Regexp{
		regexp.MustCompile(`(?:Broke|Hold|optional|kept|broke)\("([^"]+)"`),
		regexp.MustCompile(`(?m)^\t\{frames\.\w+, (?:\w+ \| )?` + side + `(?: \| \w+)?, .*, "([A-Z][0-9])"\}`),
		regexp.MustCompile(side + `: \{"([A-Z][0-9])",`),
	}
	for _, name := range append(files, "peer/watch.go", "peer/kinds.go") {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		for _, p := range patterns {
			for _, m := range p.FindAllStringSubmatch(string(source), -1) {
				if m[1] != notThis {
					ids = append(ids, m[1])
				}
			}
		}
	}
	return ids
}

// The watch names rules that are in the table, or what it finds would be lost;
// and each of them has a check besides, so that --rule has something to watch.
func TestWatchedRulesAreInTheTable(t *testing.T) {
	ids := watchedRules(t, "Program", "program/watch.go")
	require.GreaterOrEqual(t, len(ids), 30)
	for _, id := range ids {
		has := func(watched bool) bool {
			return slices.ContainsFunc(peer.Scripts(corpus.ProgramScripts), func(s peer.Script) bool {
				return s.Rule == id && strings.HasSuffix(s.Name, "(watched)") == watched
			})
		}
		require.True(t, has(true), "%s has no line for the watch", id)
		require.True(t, has(false), "%s has no check", id)
	}
}

// What the mirror's watch names has a line in its report.
func TestWatchedRulesOfHostsAreInTheTable(t *testing.T) {
	ids := watchedRules(t, "Host", "host/watch.go", "host/request.go", "host/mirror.go")
	require.GreaterOrEqual(t, len(ids), 40)
	for _, id := range ids {
		require.True(t, slices.ContainsFunc(host.Lines(), func(s host.Script) bool { return s.Path == "" && s.Rule == id }), id)
	}
}
