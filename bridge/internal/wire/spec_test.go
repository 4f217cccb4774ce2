package wire

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// section returns one section of SPEC.md.
func section(t *testing.T, title string) string {
	t.Helper()
	text, err := os.ReadFile("../../../SPEC.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(text), "\n## "+title+"\n")
	require.True(t, found, title)
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

// rows returns the cells of the rows that begin with a number, table by table.
func rows(t *testing.T, title string) [][][]string {
	t.Helper()
	number := regexp.MustCompile(`^\| \d+ \|`)
	var tables [][][]string
	inTable := false
	for line := range strings.Lines(section(t, title)) {
		if !number.MatchString(line) {
			inTable = false
			continue
		}
		if !inTable {
			tables, inTable = append(tables, nil), true
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "| \n"), "|") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		tables[len(tables)-1] = append(tables[len(tables)-1], cells)
	}
	return tables
}

func TestTheTableOfKindsIsThatOfTheSpec(t *testing.T) {
	tables := rows(t, "4. Kinds")
	require.Len(t, tables, 1)
	want := map[Kind]kindRule{}
	for _, cells := range tables[0] {
		n, err := strconv.ParseUint(cells[0], 10, 8)
		require.NoError(t, err)
		want[Kind(n)] = kindRule{name: cells[1], stream: cells[3] == "yes", fromHost: cells[2] != "P"}
	}
	got := map[Kind]kindRule{}
	for k, rule := range kindRules {
		if rule.name != "" {
			got[Kind(k)] = rule
		}
	}
	require.Equal(t, want, got)
}

// The capabilities are those that have a section of their own.
func TestTheCapabilitiesAreThoseOfTheSpec(t *testing.T) {
	text, err := os.ReadFile("../../../SPEC.md")
	require.NoError(t, err)
	var want []Capability
	for _, m := range regexp.MustCompile("(?m)^## \\d+\\. The capability `(\\w+)`$").FindAllStringSubmatch(string(text), -1) {
		want = append(want, Capability(m[1]))
	}
	require.ElementsMatch(t, want, Capabilities)
	require.ElementsMatch(t, Capabilities, (&Ready{Files: true, Hijack: true, Evidence: true}).capabilities())
}

func TestTheTablesOfCodesAreThoseOfTheSpec(t *testing.T) {
	tables := rows(t, "8. Codes")
	require.Len(t, tables, 2, "of aborts, and of faults")
	require.Len(t, tables[0], len(codeNames))
	for _, cells := range tables[0] {
		n, err := strconv.Atoi(cells[0])
		require.NoError(t, err)
		require.Equal(t, cells[1], Code(n).String())
	}
	require.Len(t, tables[1], len(faultNames)-1)
	for _, cells := range tables[1] {
		n, err := strconv.Atoi(cells[0])
		require.NoError(t, err)
		require.Equal(t, cells[1], FaultCode(n).String())
	}
}
