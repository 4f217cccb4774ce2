package conformance

import (
	"context"
	"encoding/json"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/test/cowboy"
)

// suite is the one that is run.
const suite = "connectrpc.com/conformance@v1.0.7"

// leastCases: a configuration that leaves cases out by mistake must not pass.
const leastCases = 1800

const startLimit = 3 * time.Minute

// additions are laid into the copy of the suite.
var additions = map[string]string{
	"testdata/referenceserver/handler.go": "internal/app/referenceserver/gwport_handler.go",
	"testdata/port/main.go":               "cmd/gwport_port/main.go",
	"testdata/answer/main.go":             "cmd/gwport_answer/main.go",
}

func TestConformance(t *testing.T) {
	bin := build(t)
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	server, err := cowboy.Start(ctx, cowboy.Options{Program: []string{filepath.Join(bin, "gwport_port")}})
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	certificate := filepath.Join(t.TempDir(), "cert.pem")
	require.NoError(t, os.WriteFile(certificate, server.Certificate, 0o600))
	for _, mount := range []cowboy.Mount{cowboy.Route, cowboy.Stream} {
		t.Run(string(mount), func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "connectconformance"), "--mode", "server",
				"--conf", "testdata/config.yaml", "--", filepath.Join(bin, "gwport_answer"),
				port(t, server.Addr(mount, false)), port(t, server.Addr(mount, true)), certificate)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			passed := regexp.MustCompile(`Total cases: (\d+)\n(\d+) passed, 0 failed`).FindSubmatch(out)
			require.NotNil(t, passed, "%s", out)
			require.Equal(t, passed[1], passed[2], "%s", out)
			cases, err := strconv.Atoi(string(passed[1]))
			require.NoError(t, err)
			require.Greater(t, cases, leastCases)
			t.Logf("%d cases passed", cases)
		})
	}
}

func port(t *testing.T, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	return port
}

// build gives the folder of the three programs.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	copySuite(t, download(t), dir)
	for from, to := range additions {
		source, err := os.ReadFile(from)
		require.NoError(t, err)
		to = filepath.Join(dir, to)
		require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
		require.NoError(t, os.WriteFile(to, source, 0o644))
	}
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	run(t, dir, "go", "mod", "edit", "-require=github.com/gwport/gwport@v0.0.0", "-replace=github.com/gwport/gwport="+root)
	bin := filepath.Join(dir, "bin")
	run(t, dir, "go", "build", "-mod=mod", "-buildvcs=false", "-o", bin+"/",
		"./cmd/connectconformance", "./cmd/gwport_port", "./cmd/gwport_answer")
	return bin
}

// download gives the suite's folder in Go's cache.
func download(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", suite)
	cmd.Dir = os.TempDir() // no module's versions count
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	var module struct{ Dir string }
	require.NoError(t, json.Unmarshal(out, &module))
	return module.Dir
}

// copySuite copies a folder to where files may be written: those of Go's cache may not.
func copySuite(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	}))
}

func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", name, args, out)
}
