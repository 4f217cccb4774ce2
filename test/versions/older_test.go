package versions

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// older is the commit that stands for what is deployed already. Host and program of it work with those of any later one.
const older = "124b1b6db30200106c65b424749638680c25c40d"

const root = "../.."

// olderTree gives the folder that the older commit's sources are in.
func olderTree(t *testing.T) string {
	t.Helper()
	_, err := git(t, "cat-file", "-e", older)
	require.NoError(t, err, "commit %s is not in this clone; if it is a shallow one, `git fetch --unshallow` brings it", older)
	sources, err := git(t, "archive", older)
	require.NoError(t, err)
	dir := t.TempDir()
	tar := exec.CommandContext(t.Context(), "tar", "-x", "-C", dir)
	tar.Stdin = bytes.NewReader(sources)
	out, err := tar.CombinedOutput()
	require.NoError(t, err, "%s", out)
	// Where Cowboy did not come from hex, it is where .ci/setup put it.
	if checkouts, err := filepath.Abs(filepath.Join(root, "_checkouts")); err == nil {
		if _, err := os.Stat(checkouts); err == nil {
			require.NoError(t, os.Symlink(checkouts, filepath.Join(dir, "_checkouts")))
		}
	}
	return dir
}

func git(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	// In a container the repository may be another user's.
	args = append([]string{"-C", root, "-c", "safe.directory=*"}, args...)
	return exec.CommandContext(t.Context(), "git", args...).Output()
}

// build compiles the one program with a tree's bridge.
func build(t *testing.T, tree string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	dir := "."
	if tree != "" {
		// A package of that tree, so that its module and its versions of others count.
		dir = filepath.Join(tree, "cmd/versions")
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "program"), 0o755))
		source, err := os.ReadFile("program/main.go")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "program/main.go"), source, 0o644))
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", file, "./program")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return file
}

// newestForOlder is the last release of Erlang/OTP that compiles the older commit: a function of it has the name of one
// that OTP 29 made a BIF.
const newestForOlder = 28

func otp(ctx context.Context, t *testing.T) int {
	t.Helper()
	out, err := exec.CommandContext(ctx, "erl", "-noshell", "-eval",
		`io:format("~s", [erlang:system_info(otp_release)]), halt()`).Output()
	require.NoError(t, err, "erl: .ci/setup full brings it")
	release, err := strconv.Atoi(string(out))
	require.NoError(t, err)
	return release
}
