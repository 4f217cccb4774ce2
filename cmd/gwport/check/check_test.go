package check

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/cmd/gwport/check/program"
	"github.com/gwport/gwport/cmd/gwport/check/report"
	"github.com/gwport/gwport/test/corpus"
)

// TestMain lets the test binary be a broken program.
func TestMain(m *testing.M) {
	settings := map[string]string{}
	for _, arg := range os.Args[1:] {
		if name, value, found := strings.Cut(arg, "="); found {
			settings[name] = value
		}
	}
	if b, ok := brokenPrograms[settings[envBroken]]; ok {
		os.Exit(meddle(b, settings[envProgram]))
	}
	// Or a race detector's programs would take a second each to end.
	_ = os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	code := m.Run()
	if *updateMatrix && code == 0 {
		if err := writeMatrix(); err != nil {
			panic(err)
		}
	}
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

var built struct {
	once sync.Once
	dir  string
	err  error
}

// build builds gwport, once, and returns where it is.
func build(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "gwport-check-test"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", built.dir, "github.com/gwport/gwport/cmd/gwport")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	require.NoError(t, built.err)
	return filepath.Join(built.dir, "gwport")
}

func TestGwportKeepsEveryRule(t *testing.T) {
	rep, err := program.Run(program.Options{Command: []string{build(t)}, Patience: 20 * time.Second})
	require.NoError(t, err)
	for _, r := range rep.Results {
		if r.Rule == "P4" && runtime.GOOS != "linux" {
			continue // it takes a /proc
		}
		require.Equal(t, report.Pass, r.Status, "%v", r)
	}
	require.Len(t, rep.Results, len(peer.Scripts(corpus.ProgramScripts)))
	t.Logf("%d rules in %d ms", len(rep.Results), rep.Millis)
}

func TestNothingIsLeftBehind(t *testing.T) {
	gwport := build(t)
	before := runtime.NumGoroutine()
	_, err := program.Run(program.Options{Command: []string{gwport}, Rules: []string{"P5", "A2", "F3"}})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, 10*time.Second, time.Millisecond)
}

func TestMainSaysHowItWent(t *testing.T) {
	gwport := build(t)
	try := func(args ...string) (code int, stdout, stderr string) {
		var out, err strings.Builder
		code = Main(args, &out, &err)
		return code, out.String(), err.String()
	}
	code, stdout, stderr := try("--rule", "G3", "--", gwport)
	require.Zero(t, code)
	require.Empty(t, stderr)
	require.Contains(t, stdout, "pass       [G3] a range that has version 1 in it\n")
	require.Contains(t, stdout, ": 2 passed, 0 failed, 0 not tested, in ")

	code, stdout, _ = try("--json", "--rule=G3,P2", "--", gwport)
	require.Zero(t, code)
	var rep report.Report
	require.NoError(t, json.Unmarshal([]byte(stdout), &rep))
	require.Equal(t, 3, rep.Passed)
	require.Equal(t, []string{gwport}, rep.Command)

	code, stdout, _ = try("--timeout", "20s", "--rule", "R4", "--", os.Args[0], envBroken+"=says no entered", envProgram+"="+gwport)
	require.Zero(t, code, stdout)
	code, stdout, _ = try("--timeout", "5s", "--rule", "R5", "--", os.Args[0], envBroken+"=says no entered", envProgram+"="+gwport)
	require.Equal(t, 1, code)
	require.Contains(t, stdout, "FAIL       [R5] entered before an app whose method is not idempotent: seen ")
}

func TestMistakesExitWith2(t *testing.T) {
	for want, args := range map[string][]string{
		"no command":        {},
		"no -- before true": {"--rule", "P1", "true"},
		"there are":         {"--rule", "c3", "--", "true"},
		"no such rule":      {"--rule", "X9", "--", "true"},
		"cannot start":      {"--", "/no/such/program"},
		"a timeout of":      {"--timeout", "0s", "--", "true"},
		"flag provided but": {"--verbose", "--", "true"},
	} {
		var out, err strings.Builder
		require.Equal(t, 2, Main(args, &out, &err), want)
		require.Contains(t, err.String(), want)
		require.Empty(t, out.String())
	}
}

// A program that is none fails, in little time, and the checks that would each
// wait for a greeting are not made.
func TestWhatIsNoPortProgramFails(t *testing.T) {
	for _, command := range [][]string{{"true"}, {"cat"}, {"sleep", "100"}, {"yes"}} {
		t.Run(command[0], func(t *testing.T) {
			t.Parallel()
			rep, err := program.Run(program.Options{Command: command, Patience: 200 * time.Millisecond})
			require.NoError(t, err)
			require.NotZero(t, rep.Failed)
			require.Greater(t, rep.NotTested, 80)
		})
	}
}

// What cannot be greeted fails whichever rules are asked for, and no rule passes
// because nothing has come that could break it.
func TestWhatCannotBeGreetedKeepsNoRule(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"F2", "F3", "P1", "P3"} {
		var out, err strings.Builder
		require.Equal(t, 1, Main([]string{"--timeout", "200ms", "--rule", rule, "--", "true"}, &out, &err), rule)
		require.Contains(t, out.String(), "FAIL       [G1] the program can be greeted: seen ")
		require.Contains(t, out.String(), " not tested, in ")
		require.NotContains(t, out.String(), "pass  ")
	}
}

// An interpreter that a script has to find, on a machine with other work, takes
// longer to its first word than anything takes that comes later.
func TestStartHasTwiceThePatience(t *testing.T) {
	t.Parallel()
	rep, err := program.Run(program.Options{
		Command: []string{"sh", "-c", `sleep 5.5; exec "$0"`, build(t)},
		Rules:   []string{"F7"}, Patience: 5 * time.Second,
	})
	require.NoError(t, err)
	for _, r := range rep.Results {
		require.Equal(t, report.Pass, r.Status, "%v", r)
	}
}
