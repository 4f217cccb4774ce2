package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMistakesOfTheMirrorsUserExitWith2(t *testing.T) {
	for want, args := range map[string]string{
		"no --report FILE":                           "",
		"unexpected argument \"x\"":                  "--report f x",
		"no such life: \"x\"":                        "--report f --life x",
		"--window -1, expected at least 0":           "--report f --window -1",
		"--max-head 0, expected at least 1":          "--report f --max-head 0",
		"--max-streams 0, expected at least 1":       "--report f --max-streams 0",
		"--timeout 0s, expected more than 0":         "--report f --timeout 0s",
		"no such file or directory":                  "--read " + filepath.Join(t.TempDir(), "none"),
		"flag provided but not defined: -nothing; s": "--nothing",
	} {
		var out, err strings.Builder
		require.Equal(t, 2, HostMain(strings.Fields(args), strings.NewReader(""), &out, &err), want)
		require.Contains(t, err.String(), want)
		require.Empty(t, out.String())
	}
	_, err := parseHost(strings.Fields("--report f --window 0 --max-head 1 --max-streams 1 --timeout 1ns"))
	require.NoError(t, err)
}

// What is no report of a run is not one in which nothing was wrong.
func TestAReportIsReadOrSaidToBeNone(t *testing.T) {
	read := func(text string) (code int, stdout, stderr string) {
		file := filepath.Join(t.TempDir(), "report")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		var out, err strings.Builder
		code = HostMain([]string{"--read", file}, nil, &out, &err)
		return code, out.String(), err.String()
	}
	for text, want := range map[string]string{
		"":                                  "nothing was tested",
		`{"rule":"F2","status":"pass"} {}`:  "record 2: it has no rule, script or client",
		`{"foo":1}`:                         "record 1: it has no rule, script or client",
		`{"rule":"F2","status":"pass"} { x`: "record 2: invalid character",
	} {
		code, stdout, stderr := read(text)
		require.Equal(t, 2, code, text)
		require.Contains(t, stderr, want)
		require.Empty(t, stdout)
	}
	code, stdout, _ := read(`{"rule":"F2","status":"pass"}`)
	require.Zero(t, code)
	require.Contains(t, stdout, "the host: 1 passed, 0 failed, ")
	code, stdout, _ = read(`{"rule":"F2","status":"FAIL","seen":"two\nlines"}`)
	require.Equal(t, 1, code)
	require.Contains(t, stdout, `seen two\nlines, expected `)
}
