package dev

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Programs are built by the real go, without anything that is not there already.

const patience = time.Minute

func write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o666))
}

// saying is a program that prints a word.
func saying(word string) string {
	return fmt.Sprintf("package main\n\nfunc main() { print(%q) }\n", word)
}

// module is a folder with a program in it.
func module(t *testing.T) string {
	t.Helper()
	t.Setenv("GOFLAGS", "-ldflags=-w") // links in less time
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOWORK", "off")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	write(t, dir+"/go/go.mod", "module example.com/shop\n\ngo 1.25\n")
	write(t, dir+"/go/main.go", saying("one"))
	require.NoError(t, os.Mkdir(dir+"/priv", 0o777))
	return dir
}

// session is the command, as a node starts it.
type session struct {
	t      *testing.T
	lines  chan string
	stdin  io.Closer
	stderr *strings.Builder
	code   chan int
}

func start(t *testing.T, args ...string) *session {
	t.Helper()
	in, stdin := io.Pipe()
	out, stdout := io.Pipe()
	s := &session{t: t, lines: make(chan string, 1000), stdin: stdin, stderr: new(strings.Builder), code: make(chan int, 1)}
	go func() {
		code := Main(args, in, stdout, s.stderr)
		_ = stdout.Close()
		s.code <- code
	}()
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.lines <- lines.Text()
		}
		close(s.lines)
	}()
	return s
}

func (s *session) next() string {
	s.t.Helper()
	select {
	case line, ok := <-s.lines:
		require.True(s.t, ok, "it has ended: %s", s.stderr)
		return line
	case <-time.After(patience):
		require.FailNow(s.t, "it says nothing")
		return ""
	}
}

func (s *session) expect(want ...string) {
	s.t.Helper()
	for _, w := range want {
		require.Regexp(s.t, "^gwport-dev "+w+"$", s.next())
	}
}

func (s *session) fails(want string) {
	s.t.Helper()
	s.expect("building")
	var output strings.Builder
	for {
		line := s.next()
		if strings.HasPrefix(line, "gwport-dev failed ") {
			require.Contains(s.t, output.String(), want)
			return
		}
		output.WriteString(line + "\n")
	}
}

func (s *session) ends() int {
	s.t.Helper()
	_ = s.stdin.Close()
	select {
	case code := <-s.code:
		return code
	case <-time.After(patience):
		require.FailNow(s.t, "it does not end")
		return 0
	}
}

func says(t *testing.T, program, want string) {
	t.Helper()
	out, err := exec.Command(program).CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, want, string(out))
}

func TestWhat_is_saved_is_built(t *testing.T) {
	dir := module(t)
	out := dir + "/priv/shop"
	s := start(t, "--output", out, dir+"/go")
	s.expect("started 1 "+dir+"/go", "building", `built \d+ new`)
	says(t, out, "one")

	// What fails leaves the program as it is, and is told.
	write(t, dir+"/go/main.go", "package main\n\nfunc main() { print(two) }\n")
	s.expect("building", `output # example.com/shop`, `output \./main.go:3:21: undefined: two`, `failed \d+`)
	says(t, out, "one")
	// Editors write beside a file, and rename.
	write(t, dir+"/go/main.go~", saying("two"))
	require.NoError(t, os.Rename(dir+"/go/main.go~", dir+"/go/main.go"))
	s.expect("building", `built \d+ new`)
	says(t, out, "two")

	// A package that was missing is found in a folder that was not there.
	write(t, dir+"/go/text", "!")
	write(t, dir+"/go/main.go", "package main\n\nimport (\n\t_ \"embed\"\n\n\t\"example.com/shop/in/word\"\n)\n\n//go:embed text\nvar text string\n\nfunc main() { print(word.Word, text) }\n")
	s.fails(`main.go:6:2: no required module provides package example.com/shop/in/word`)
	write(t, dir+"/go/in/word/word.go", "package word\n\nconst Word = \"three\"\n")
	s.expect("building", `built \d+ new`)
	says(t, out, "three!")
	// A file that is embedded is a part of the program, and one that is new in a folder.
	write(t, dir+"/go/text", "?")
	s.expect("building", `built \d+ new`)
	says(t, out, "three?")
	write(t, dir+"/go/in/word/more.go", "package word\n\nfunc init() { print(\"more \") }\n")
	s.expect("building", `built \d+ new`)
	says(t, out, "more three?")
	require.NoError(t, os.Remove(dir+"/go/in/word/more.go"))
	s.expect("building", `built \d+ new`)
	// What builds to the same is no new program.
	write(t, dir+"/go/go.mod", "module example.com/shop\n\ngo 1.25\n\n// of today\n")
	s.expect("building", `built \d+ same`)

	require.Zero(t, s.ends())
	require.Empty(t, s.stderr.String())
	left, err := os.ReadDir(dir + "/priv")
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing is left behind but the program")
}

// holding has go build wait for its linker while a file is there: the sources are read by then.
func holding(t *testing.T, dir string) (hold string, flags []string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		return "", nil
	}
	script := dir + "/hold.sh"
	write(t, script, "#!/bin/sh\ncase $* in *-V=full*) exec \"$@\" ;; */link*) ;; *) exec \"$@\" ;; esac\necho $$ >\"$0.pid\"\nwhile [ -e \"$0.on\" ]; do sleep 0.02; done\nexec \"$@\"\n")
	require.NoError(t, os.Chmod(script, 0o777))
	return script, []string{"--", "-toolexec", script}
}

func TestWhat_is_saved_during_a_build_is_built_next(t *testing.T) {
	dir := module(t)
	hold, flags := holding(t, dir)
	out := dir + "/priv/shop"
	s := start(t, append([]string{"--output", out, dir + "/go"}, flags...)...)
	s.expect("started .*", "building", `built \d+ new`)
	write(t, hold+".on", "")
	require.NoError(t, os.Remove(hold+".pid"))
	write(t, dir+"/go/main.go", saying("two"))
	s.expect("building")
	inBuild(t, hold)
	write(t, dir+"/go/main.go", saying("three"))
	require.NoError(t, os.Remove(hold+".on"))
	s.expect(`built \d+ new`, "building", `built \d+ new`)
	says(t, out, "three")
	require.Zero(t, s.ends())
}

func TestThe_end_of_its_input_ends_a_build_too(t *testing.T) {
	dir := module(t)
	hold, flags := holding(t, dir)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	s := start(t, append([]string{"--output", dir + "/priv/shop", dir + "/go"}, flags...)...)
	write(t, hold+".on", "")
	s.expect("started .*", "building")
	inBuild(t, hold)

	// Meanwhile nobody else may build it.
	other := start(t, "--output", dir+"/priv/shop", dir+"/go")
	require.Equal(t, 2, other.ends())
	require.Contains(t, other.stderr.String(), "another gwport dev builds "+dir+"/priv/shop")

	require.Zero(t, s.ends())
	left, err := os.ReadDir(dir + "/priv")
	require.NoError(t, err)
	require.Empty(t, left)
	left, err = os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left, "go has left something behind")
	pid, err := os.ReadFile(hold + ".pid")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return exec.Command("kill", "-0", strings.TrimSpace(string(pid))).Run() != nil
	}, patience, 10*time.Millisecond, "the compiler is still there")
}

func inBuild(t *testing.T, hold string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := os.Stat(hold + ".pid")
		return err == nil
	}, patience, 10*time.Millisecond)
}

func TestWhat_is_watched(t *testing.T) {
	dir := module(t)
	main := dir + "/go/main.go"
	write(t, main, "package main\n\nimport \"embed\"\n\n//go:embed text all:pages *.sql\nvar files embed.FS\n\nfunc main() { _ = files }\n")
	write(t, dir+"/go/text", "")
	write(t, dir+"/go/a.sql", "")
	write(t, dir+"/go/pages/_in/a.html", "")
	write(t, dir+"/go/other/other.go", "package other\n")
	write(t, dir+"/go/node_modules/x/x.go", "package x\n")
	p, err := look(context.Background(), dir+"/go", nil)
	require.NoError(t, err)
	s, err := p.list(context.Background())
	require.NoError(t, err)
	require.Equal(t, "main", s.name)
	for _, name := range strings.Fields("main.go new.go new.c go.mod go.sum text a.sql b.sql pages/_in/a.html pages/new/b.html") {
		require.True(t, s.wants(dir+"/go/"+name, false), name)
	}
	for _, name := range strings.Fields(".main.go.swp main.go~ #main.go# .#main.go main.go.tmp 4913 main_test.go _new.go .new.go README.md new.txt " +
		"b.sql~ pages/.a.html.swp shop other/b.sql") {
		require.False(t, s.wants(dir+"/go/"+name, false), name)
		require.False(t, s.wants(dir+"/go/"+name, true), name)
	}
	// No part of it, unless it is what a build has missed.
	require.False(t, s.wants(dir+"/go/other/other.go", false))
	require.True(t, s.wants(dir+"/go/other/other.go", true))
	for folder, want := range map[string]bool{"other": true, "new": true, "pages/_in": true, "node_modules": false, ".git": false, "testdata": false} {
		require.Equal(t, want, s.passes(dir+"/go/"+folder), folder)
	}
}

func TestMistakes_exit_with_2(t *testing.T) {
	dir := module(t)
	write(t, dir+"/lib/go.mod", "module example.com/lib\n\ngo 1.25\n")
	write(t, dir+"/lib/lib.go", "package lib\n")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--fast"}, "flag provided but not defined: -fast"},
		{[]string{"a", "b"}, `unexpected argument "b"`},
		{[]string{"--output", "x", "--http", ":1"}, "--output and --http do not go together"},
		{[]string{dir + "/none"}, dir + "/none is no folder"},
		{[]string{dir + "/go/main.go"}, "main.go is no folder"},
		{[]string{"/"}, "/ is in no Go module: neither there nor in a folder above it is a go.mod"},
		{[]string{"--output", dir + "/none/shop", dir + "/go"}, "shop is to be in " + dir + "/none, which is no folder"},
		{[]string{"--output", dir + "/priv/lib", dir + "/lib"}, "package lib in " + dir + "/lib is no program"},
		{[]string{"--http", taken.Addr().String(), dir + "/go"}, "nothing can be served on " + taken.Addr().String() + ": "},
	} {
		s := start(t, c.args...)
		require.Equal(t, 2, <-s.code, c.args)
		require.Contains(t, s.stderr.String(), c.want)
		require.True(t, strings.HasPrefix(s.stderr.String(), "gwport dev: "))
	}
	t.Setenv("PATH", "")
	s := start(t, dir+"/go")
	require.Equal(t, 2, <-s.code)
	require.Contains(t, s.stderr.String(), "there is no `go` on PATH")
}

func TestHelp_explains(t *testing.T) {
	var out strings.Builder
	require.Zero(t, Main([]string{"-h"}, nil, &out, io.Discard))
	for _, word := range []string{"Usage: gwport dev ", "--http ADDRESS", "--output FILE", "Exit code"} {
		require.Contains(t, out.String(), word)
	}
}

// serving is a program that answers with a word, as one with bridge.Serve does under GWPORT_HTTP; it is built in less time.
func serving(word string) string {
	return fmt.Sprintf("package main\n\nimport (\n\t\"net\"\n\t\"os\"\n)\n\nfunc main() {\n\tln, err := net.Listen(\"tcp\", os.Getenv(\"GWPORT_HTTP\"))\n"+
		"\tif err != nil {\n\t\tpanic(err)\n\t}\n\tfor {\n\t\tif c, err := ln.Accept(); err == nil {\n\t\t\tc.Read(make([]byte, 4096))\n"+
		"\t\t\tc.Write([]byte(\"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: %d\\r\\n\\r\\n%s\"))\n\t\t\tc.Close()\n\t\t}\n\t}\n}\n", len(word), word)
}

func TestBy_hand_the_program_runs_and_is_replaced(t *testing.T) {
	dir := module(t)
	write(t, dir+"/go/main.go", serving("one"))
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	said, stderr := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		p, err := look(ctx, dir+"/go", nil)
		if err == nil {
			err = options{http: address}.serveByHand(ctx, p, stderr)
		}
		_ = stderr.Close()
		done <- err
	}()
	lines := bufio.NewScanner(said)
	until := func(want string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), want) {
				return
			}
		}
		require.Fail(t, "it has ended without saying "+want)
	}
	served := func(want string) {
		t.Helper()
		require.Eventually(t, func() bool {
			response, err := http.Get("http://" + address)
			if err != nil {
				return false
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			return err == nil && string(body) == want
		}, patience, 10*time.Millisecond)
	}
	until("built")
	served("one")
	write(t, dir+"/go/main.go", "package main\n\nfunc main() { print(two) }\n")
	until("the build failed")
	until("undefined: two")
	served("one")
	write(t, dir+"/go/main.go", serving("three"))
	until("built")
	served("three")
	// One that ends is started by the next change.
	write(t, dir+"/go/main.go", saying("four"))
	until("the program has ended (without an error)")
	write(t, dir+"/go/main.go", serving("five"))
	until("built")
	served("five")
	cancel()
	go func() { _, _ = io.Copy(io.Discard, said) }()
	require.NoError(t, <-done)
	_, err = http.Get("http://" + address)
	require.Error(t, err)
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	require.Empty(t, left)
}
