package main

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func try(args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = run(args, &out, &err)
	return code, out.String(), err.String()
}

func TestHelp_explains_and_lists_the_apps(t *testing.T) {
	t.Setenv("GWPORT_FAULTS", "")
	for _, flag := range []string{"--help", "-help", "-h"} {
		code, stdout, stderr := try(flag)
		require.Zero(t, code)
		require.Empty(t, stderr)
		for _, word := range []string{"port program", "gwport new NAME", "gwport dev DIR", "gwport check -- COMMAND", "GWPORT_HTTP=", "\n  hello     Hello from Go", "\n  upload    "} {
			require.Contains(t, stdout, word)
		}
		require.NotContains(t, stdout, "\n  faults ")
	}
}

func TestVersion_names_all_versions(t *testing.T) {
	code, stdout, stderr := try("--version")
	require.Zero(t, code)
	require.Empty(t, stderr)
	require.Regexp(t, `^gwport \S+, \S+( .*)?, wire version 1\n$`, stdout)
	require.Contains(t, stdout, runtime.Version())
}

func TestCheck_is_a_command_of_its_own(t *testing.T) {
	code, stdout, stderr := try("check", "--help")
	require.Zero(t, code)
	require.Contains(t, stdout, "Usage: gwport check ")
	require.Empty(t, stderr)
	code, _, stderr = try("check")
	require.Equal(t, 2, code)
	require.Equal(t, "gwport check: no command; see gwport check --help\n", stderr)
}

func TestNew_is_a_command_of_its_own(t *testing.T) {
	code, stdout, stderr := try("new", "--help")
	require.Zero(t, code)
	require.Contains(t, stdout, "Usage: gwport new ")
	require.Empty(t, stderr)
	code, _, stderr = try("new")
	require.Equal(t, 2, code)
	require.Equal(t, "gwport new: no name; see gwport new --help\n", stderr)
}

func TestDev_is_a_command_of_its_own(t *testing.T) {
	code, stdout, stderr := try("dev", "--help")
	require.Zero(t, code)
	require.Contains(t, stdout, "Usage: gwport dev ")
	require.Empty(t, stderr)
	code, _, stderr = try("dev", "/")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "gwport dev: / is in no Go module")
}

func TestMistakes_in_the_arguments_exit_with_2(t *testing.T) {
	for arg, want := range map[string]string{
		"--verbose":       "flag provided but not defined: -verbose",
		"serve":           `unexpected argument "serve"`,
		"--version=maybe": `invalid boolean value "maybe" for -version`,
	} {
		code, stdout, stderr := try(arg)
		require.Equal(t, 2, code)
		require.Empty(t, stdout)
		require.Contains(t, stderr, want)
		require.True(t, strings.HasPrefix(stderr, "gwport: "))
		require.Equal(t, 1, strings.Count(stderr, "\n"))
	}
}
