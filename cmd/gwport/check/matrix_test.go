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
// seen here. A line with may: before it fails or not as the frames of both sides
// happen to cross. A run of `go test -update` writes the rows anew that do not fit.
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
	want, known := m.want[variant]
	if known && fits(want, lines) {
		return nil
	}
	m.got[variant] = lines
	if *updateMatrix {
		return nil
	}
	return fmt.Errorf("%s fails other lines than in %s (known: %t):\n%s\nexpected\n%s",
		variant, matrixFile, known, strings.Join(lines, "\n"), strings.Join(want, "\n"))
}

// fits holds lines against a row, some of which may be missing.
func fits(want, got []string) bool {
	for _, line := range want {
		line, may := strings.CutPrefix(line, "may: ")
		if i := slices.Index(got, line); i >= 0 {
			got = slices.Delete(slices.Clone(got), i, i+1)
		} else if !may {
			return false
		}
	}
	return len(got) == 0
}

// writeMatrix keeps the rows that fit, and those of what this run had no test of.
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
