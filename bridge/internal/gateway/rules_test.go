package gateway

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRulesAreComplete(t *testing.T) {
	id := regexp.MustCompile(`^(environ|input|errors|response|deferred|trailers|body|life)(\.[a-z]+){1,2}$`)
	seen := make(map[string]bool)
	for _, r := range Rules() {
		require.Regexp(t, id, r.ID)
		require.False(t, seen[r.ID], r.ID)
		seen[r.ID] = true
		require.Contains(t, []string{"error", "warning"}, r.Severity, r.ID)
		require.Contains(t, []string{"gateway", "app"}, r.Side, r.ID)
		require.NotEmpty(t, r.Checked, r.ID)
		for _, where := range r.Checked {
			require.Contains(t, []string{"go", "erlang"}, where, r.ID)
		}
		for _, sentence := range []string{r.Says, r.Hint} {
			require.True(t, strings.HasSuffix(sentence, "."), "%s: %s", r.ID, sentence)
			require.NotContains(t, sentence, "|", "a row of a table: %s", r.ID)
		}
		require.Same(t, &Rules()[len(seen)-1], Find(r.ID))
	}
	require.GreaterOrEqual(t, len(seen), 45)
}

// Each line is asked for, in its order.
func TestRulesThatAreNone(t *testing.T) {
	const whole = "rule: a.b\nseverity: error\nside: app\nchecked: go\nsays: S.\nhint: H.\n"
	rules, err := parse("# A comment\n\n" + whole + "\n" + whole)
	require.NoError(t, err)
	require.Equal(t, Rule{ID: "a.b", Severity: "error", Side: "app", Checked: []string{"go"}, Says: "S.", Hint: "H."}, rules[1])
	for bad, says := range map[string]string{
		strings.Replace(whole, "side: app\n", "", 1):     "line 3: expected side",
		strings.Replace(whole, "side: app", "side: ", 1): "line 3: expected side",
		strings.Replace(whole, "hint: H.\n", "", 1):      "line 6: expected hint",
		strings.Replace(whole, "says", "\nsays", 1):      "line 5: expected says",
		strings.Replace(whole, "severity", "weight", 1):  "line 2: expected severity",
		"hint: H.\n" + whole:                             "line 1: expected rule",
	} {
		_, err := parse(bad)
		require.EqualError(t, err, says, bad)
	}
}

func TestNamesOfRules(t *testing.T) {
	require.True(t, Matches("*", "body.close.once"))
	require.True(t, Matches("body", "body.close.once"))
	require.True(t, Matches("body.close", "body.close.once"))
	require.True(t, Matches("body.close.once", "body.close.once"))
	require.False(t, Matches("body.cl", "body.close.once"))
	require.False(t, Matches("body.close.once.more", "body.close.once"))
	require.True(t, Known("environ"))
	require.False(t, Known("environs"))
	require.Panics(t, func() { Find("body.close") })
}
