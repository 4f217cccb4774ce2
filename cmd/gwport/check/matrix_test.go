package check

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/gwport/gwport/cmd/gwport/check/report"
)

// The matrix says which lines of a report each broken variant fails, of a program
// those of the rule that it breaks: a check that names less than it did, or more, is
// seen here. A run of `go test -update` writes it anew.
const matrixFile = "testdata/matrix.txt"

var updateMatrix = flag.Bool("update", false, "write "+matrixFile)

// matrix is what the file says, and what the tests of this run have found.
var matrix = sync.OnceValues(func() (*matrixOf, error) {
	text, err := os.ReadFile(matrixFile)
	m := &matrixOf{want: map[string][]string{}, got: map[string][]string{}}
	variant := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if row, isRow := strings.CutPrefix(line, "  "); isRow {
			m.want[variant] = append(m.want[variant], row)
		} else {
			variant = line
			m.want[variant] = nil
		}
	}
	return m, err
})

type matrixOf struct {
	mu        sync.Mutex
	want, got map[string][]string
}

// holdRow holds the failing lines of a report against the matrix.
func holdRow(variant string, rep report.Report) error {
	var lines []string
	for _, r := range rep.Results {
		if r.Status == report.Fail {
			lines = append(lines, fmt.Sprintf("[%s] %s", r.Rule, r.Name))
		}
	}
	m, err := matrix()
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got[variant] = lines
	if want, known := m.want[variant]; !*updateMatrix && (!known || !slices.Equal(want, lines)) {
		return fmt.Errorf("%s fails other lines than in %s (known: %t):\n%s\nexpected\n%s",
			variant, matrixFile, known, strings.Join(lines, "\n"), strings.Join(want, "\n"))
	}
	return nil
}

// writeMatrix keeps the rows of what this run had no test of.
func writeMatrix() error {
	m, err := matrix()
	if err != nil {
		return err
	}
	maps.Copy(m.want, m.got)
	var text strings.Builder
	for _, variant := range slices.Sorted(maps.Keys(m.want)) {
		fmt.Fprintln(&text, variant)
		for _, line := range m.want[variant] {
			fmt.Fprintln(&text, "  "+line)
		}
	}
	return os.WriteFile(matrixFile, []byte(text.String()), 0o600)
}
