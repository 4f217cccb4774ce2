package dev

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// asCommand has this test's own program be `gwport dev`.
const asCommand = "GWPORT_TEST_IS_DEV"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func TestProgram_dies_with_a_watcher_that_is_killed(t *testing.T) {
	dir := module(t)
	mortal := strings.Replace(serving("one"), "func main() {", "func main() {\n\ttime.AfterFunc(2*time.Minute, func() { os.Exit(1) })", 1)
	write(t, dir+"/go/main.go", strings.Replace(mortal, "\"os\"", "\"os\"\n\t\"time\"", 1))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	watcher := exec.Command(os.Args[0], "--http", address, dir+"/go")
	watcher.Env = append(os.Environ(), asCommand+"=1", "TMPDIR="+t.TempDir())
	stderr, err := watcher.StderrPipe() // which the program has as well, and it ends when both have
	require.NoError(t, err)
	require.NoError(t, watcher.Start())
	t.Cleanup(func() {
		_ = watcher.Process.Kill()
		_ = watcher.Wait()
	})
	lines := bufio.NewScanner(stderr)
	for lines.Scan() && !strings.Contains(lines.Text(), "built") {
	}
	require.Contains(t, lines.Text(), "built")
	require.Eventually(t, func() bool {
		response, err := http.Get("http://" + address)
		if err != nil {
			return false
		}
		return response.Body.Close() == nil
	}, patience, 10*time.Millisecond)
	require.NoError(t, watcher.Process.Kill())
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, stderr)
		close(gone)
	}()
	select {
	case <-gone:
	case <-time.After(patience):
		require.Fail(t, "the program lives on")
	}
	ln, err := net.Listen("tcp", address)
	require.NoError(t, err)
	require.NoError(t, ln.Close())
}
