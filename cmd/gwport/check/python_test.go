package check

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/cmd/gwport/check/program"
	"github.com/gwport/gwport/cmd/gwport/check/report"
)

// pyport is the folder of the programs in Python: one that keeps every rule, as
// gwport_python_SUITE shows, and variants of it that break one each.
const pyport = "../../../test/pyport"

// python is the interpreter itself. What is called python3 on PATH may be a
// script that looks for it, which takes longer than Python does to start.
var python = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	return strings.TrimSpace(string(out)), err
})

func pythonProgram(t *testing.T, file string, args ...string) []string {
	t.Helper()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("python3 is not on PATH; the programs in test/pyport are written in Python")
	}
	interpreter, err := python()
	require.NoError(t, err)
	// They need the standard library alone, and start in half of the time without what is installed.
	return append([]string{interpreter, "-S", filepath.Join(pyport, file)}, args...)
}

// brokenPython is a line of broken.py --list.
type brokenPython struct {
	name, rule, says, what string
	request, client, then  string   // in front of Cowboy
	with                   []string // rules whose checks bring the frames about that break it
}

func brokenPythons(t *testing.T) (programs []brokenPython) {
	t.Helper()
	list := pythonProgram(t, "broken.py", "--list")
	out, err := exec.Command(list[0], list[1:]...).Output()
	require.NoError(t, err)
	for line := range strings.Lines(string(out)) {
		columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		require.Len(t, columns, 8, line)
		ids := strings.Fields(columns[1])
		b := brokenPython{
			name: columns[0], rule: ids[0], says: columns[2], what: columns[7],
			request: columns[3], client: columns[4], then: "same", with: ids[1:],
		}
		switch columns[5] {
		case "next":
			b.then = "next"
		case "gone":
			b.then = "stopped"
		}
		programs = append(programs, b)
	}
	require.GreaterOrEqual(t, len(programs), 20)
	return programs
}

// Each broken variant of the Python program fails the rule that it breaks, and no
// other of those that are looked at.
func TestBrokenPythonProgramsAreNamed(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	atATime := make(chan struct{}, 6) // most of them are waited for
	for _, b := range brokenPythons(t) {
		all.Go(func() {
			atATime <- struct{}{}
			defer func() { <-atATime }()
			if err := patiently(t, 2*time.Second, b.isNamedBy(pythonProgram(t, "broken.py", b.name))); err != nil {
				t.Errorf("%s: %v", b.name, err)
			}
		})
	}
	all.Wait()
}

// isNamedBy returns a function that says what a report of this program should not
// have, or lacks.
func (b brokenPython) isNamedBy(command []string) func(time.Duration) error {
	return func(patience time.Duration) error {
		o := program.Options{
			Command: command, Parallel: 2,
			Rules: append([]string{b.rule}, b.with...), Patience: patience, Start: 20 * time.Second,
		}
		if b.says == "expected ready" {
			o.Start = 5 * time.Second // within which one that does greet has always come
		}
		rep, err := program.Run(o)
		if err != nil {
			return err
		}
		named := false
		for _, r := range rep.Results {
			named = named || r.Status == report.Fail && r.Rule == b.rule && strings.Contains(r.String(), b.says)
			if r.Status == report.Fail && r.Rule != b.rule {
				err = errors.Join(err, fmt.Errorf("breaks another rule than %s: %v", b.rule, r))
			}
		}
		if !named {
			err = errors.Join(err, fmt.Errorf("expected a failure of %s with %q, got %v", b.rule, b.says, rep.Results))
		}
		return errors.Join(err, holdRow("python "+b.name, rep))
	}
}

// The page about them has the table that the tests go by.
func TestPythonReadmeHasTheTable(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(pyport, "README.md"))
	require.NoError(t, err)
	programs := brokenPythons(t)
	for _, b := range programs {
		row := fmt.Sprintf("| %s | %s | %s | `%s` | %s | %s | %s |", b.name, b.what, b.rule, b.says, b.request, b.client, b.then)
		require.Contains(t, string(page), "\n"+row+"\n")
	}
	require.Equal(t, len(programs)+2, strings.Count(string(page), "\n|"), "rows of the table")
}
