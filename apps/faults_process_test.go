//go:build unix

package apps

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func number(t *testing.T, f *faults, path string) int {
	t.Helper()
	w := ask(f, "GET", path)
	require.Equal(t, 200, w.Code, w.Body)
	n, err := strconv.Atoi(strings.TrimSpace(w.Body.String()))
	require.NoError(t, err)
	return n
}

func TestFaults_measure_the_program(t *testing.T) {
	f := newFaults()
	require.Positive(t, number(t, f, "/faults/goroutines"))
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("no /proc")
	}
	require.Greater(t, number(t, f, "/faults/rss"), 1<<20)
}

func TestFaults_env_gives_one_variable(t *testing.T) {
	t.Setenv("GWPORT_APPS_TEST_SET", "a value")
	t.Setenv("GWPORT_APPS_TEST_EMPTY", "")
	f := newFaults()
	require.Equal(t, "a value", ask(f, "GET", "/faults/env?name=GWPORT_APPS_TEST_SET").Body.String())
	w := ask(f, "GET", "/faults/env?name=GWPORT_APPS_TEST_EMPTY")
	require.Equal(t, 200, w.Code)
	require.Empty(t, w.Body.String())
	require.Equal(t, 404, ask(f, "GET", "/faults/env?name=GWPORT_APPS_TEST_NOT").Code)
}

func TestFaults_children_starts_one_that_can_be_killed(t *testing.T) {
	pid := number(t, newFaults(), "/faults/children")
	require.NoError(t, syscall.Kill(pid, 0))
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	require.Eventually(t, func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) },
		10*time.Second, time.Millisecond, "it stays a zombie")
}

func TestFaults_slog_logs(t *testing.T) {
	log := captureLog(t)
	f := newFaults()
	require.Equal(t, "logged\n", ask(f, "GET", "/faults/slog?level=warn&text=look&count=2").Body.String())
	ask(f, "GET", "/faults/slog")
	for _, want := range []string{"level=WARN msg=look n=0 app=faults", "level=WARN msg=look n=1", "level=INFO msg=hello n=0"} {
		require.Contains(t, log.String(), want)
	}
	require.Equal(t, 3, strings.Count(log.String(), "\n"))
}
