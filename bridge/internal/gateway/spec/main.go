// Command spec writes the tables of the gateway's rules into SPEC.md, whose path it is given.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/gwport/gwport/bridge/internal/gateway"
)

// The lines of SPEC.md that the tables stand between.
const (
	begin = "<!-- The tables that follow are made of bridge/internal/gateway/rules.txt by go generate ./bridge/internal/gateway -->\n"
	end   = "<!-- end of the tables -->\n"
)

func main() {
	log.SetFlags(0)
	path := os.Args[1]
	old, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	text, err := rewrite(string(old))
	if err != nil {
		log.Fatal(path, ": ", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // a document
		log.Fatal(err)
	}
}

// rewrite puts the tables where they belong.
func rewrite(text string) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	if !ok {
		return "", fmt.Errorf("no line %q", begin)
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("no line %q", end)
	}
	return before + begin + tables(gateway.Rules()) + "\n" + end + after, nil
}

// tables has one for each subject.
func tables(rules []gateway.Rule) string {
	var b strings.Builder
	last := ""
	for _, r := range rules {
		if subject, _, _ := strings.Cut(r.ID, "."); subject != last {
			last = subject
			b.WriteString("\n| rule | severity | whose fault | checked in | what it says |\n|---|---|---|---|---|\n")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", r.ID, r.Severity, r.Side, languages(r.Checked), r.Says)
	}
	return b.String()
}

func languages(checked []string) string {
	names := map[string]string{"go": "Go", "erlang": "Erlang"}
	var all []string
	for _, c := range checked {
		all = append(all, names[c])
	}
	return strings.Join(all, ", ")
}
