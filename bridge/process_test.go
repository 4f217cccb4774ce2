//go:build linux || darwin || freebsd

package bridge_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

// The test binary is its own port program: run with GWPORT_TEST_PROGRAM it is
// the program of that name.
func TestMain(m *testing.M) {
	if name := os.Getenv("GWPORT_TEST_PROGRAM"); name != "" {
		os.Exit(programs[name]())
	}
	os.Exit(m.Run())
}

var programs = map[string]func() int{
	"serve": func() int {
		fmt.Println("stray print before Serve")
		fmt.Fprintln(os.Stdout, "another")
		log.Print("a line of package log")
		println("and one of the runtime")
		return exitCode(bridge.Serve(http.HandlerFunc(program)))
	},
	"apps": func() int {
		where := bridge.App(func(_ context.Context, env bridge.Environ) bridge.Result {
			return bridge.Text(200, env.String("SCRIPT_NAME")+" "+env.String("PATH_INFO"))
		})
		return exitCode(bridge.ServeApps(map[string]http.Handler{"a": where, "b": http.NotFoundHandler()}))
	},
	"wrong": func() int {
		return exitCode(bridge.Serve(bridge.App(func(context.Context, bridge.Environ) bridge.Result {
			return bridge.Response{Status: 405}
		})))
	},
	"talks": func() int { return exitCode(bridge.Serve(http.HandlerFunc(talks))) },
	"talks by its own slog": func() int {
		slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("with", "an attribute"))
		return exitCode(bridge.Serve(http.HandlerFunc(talks)))
	},
	"early exit": func() int {
		<-asked()
		slog.Error("last words")
		os.Exit(3)
		return 0
	},
	"crash": func() int {
		<-asked()
		panic("a crash")
	},
	"early slog": func() int {
		slog.Debug("first", "a", 1, "b", "x y", "c", "")
		slog.With("g", 2.5).WithGroup("h").Info("two\nlines", "é", "\x1b")
		slog.Warn("user=admin")
		slog.Error(strings.Repeat("€", 5000))
		return exitCode(bridge.Serve(http.HandlerFunc(program)))
	},
	"own slog": func() int {
		slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, nil)))
		return exitCode(bridge.Serve(http.HandlerFunc(program)))
	},
	// parent starts a port program and dies without closing its input.
	"parent": func() int {
		in, _, _ := os.Pipe()
		stderr, childsStderr, _ := os.Pipe()
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "GWPORT=1", "GWPORT_TEST_PROGRAM=stopped")
		child.Stdin, child.Stdout, child.Stderr = in, os.Stdout, childsStderr
		if err := child.Start(); err != nil {
			return 1
		}
		_, _ = bufio.NewReader(stderr).ReadString('\n') // it runs
		_, _ = io.Copy(io.Discard, os.Stdin)
		return 0
	},
	"stopped": func() int {
		_, _ = fmt.Fprintln(os.Stderr, "pid", os.Getpid())
		select {}
	},
}

// asked serves until there is a request, which is then left without an answer: by that
// the program knows that it has been greeted.
func asked() <-chan struct{} {
	c := make(chan struct{})
	go func() {
		_ = bridge.Serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			close(c)
			select {}
		}))
	}()
	return c
}

func exitCode(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		return 1
	}
	return 0
}

func talks(_ http.ResponseWriter, r *http.Request) {
	log.Print("by package log\nin two lines")
	slog.InfoContext(r.Context(), "by slog", "n", 1)
	panic("that is all")
}

func program(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/hour":
		time.Sleep(time.Hour)
	case "/spin":
		for n := 0; r != nil; n++ { // for ever, but no linter can tell
			_ = n
		}
	case "/wait":
		<-r.Context().Done()
	case "/child":
		out, err := exec.Command("sh", "-c", "for f in /proc/self/fd/*; do readlink $f; done; env | grep ^GWPORT; cat").Output()
		_, _ = fmt.Fprint(w, string(out), err)
	case "/print":
		fmt.Println("printed by a handler")
		slog.InfoContext(r.Context(), "logged by a handler")
	case "/ignore":
		signal.Ignore(syscall.SIGTERM)
	}
}

// process is a port program in a process of its own.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *bufio.Reader
	host   net.Conn // what stderr reads
	next   uint32
	waited chan error
	pipes  []string // the wire's names below /proc/self/fd
}

// run starts a program, with its standard error at a socket as a host has it.
func run(t *testing.T, name string) *process {
	t.Helper()
	dir, err := os.MkdirTemp("", "gw")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	ln, err := net.Listen("unix", filepath.Join(dir, "stderr"))
	require.NoError(t, err)
	defer ln.Close()

	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(),
		"GWPORT=1", "GWPORT_STDERR="+ln.Addr().String(), "GWPORT_TEST_PROGRAM="+name,
		"GORACE=atexit_sleep_ms=0", // a race-enabled program takes a second to exit otherwise
	)
	var in, out *os.File
	cmd.Stdin, in = newPipe(t)
	out, cmd.Stdout = newPipe(t)
	require.NoError(t, cmd.Start())
	_, _ = cmd.Stdin.(*os.File).Close(), cmd.Stdout.(*os.File).Close()
	p := &process{t: t, cmd: cmd, in: in, out: bufio.NewReader(out), next: 256, waited: make(chan error, 1)}
	for _, f := range []*os.File{in, out} {
		info, err := f.Stat()
		require.NoError(t, err)
		p.pipes = append(p.pipes, fmt.Sprintf("pipe:[%d]", info.Sys().(*syscall.Stat_t).Ino))
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_, _ = in.Close(), out.Close()
	})
	require.NoError(t, ln.(*net.UnixListener).SetDeadline(time.Now().Add(soon)))
	conn, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(soon)))
	p.stderr, p.host = bufio.NewReader(conn), conn
	return p
}

func (p *process) greet() *process {
	p.t.Helper()
	require.NoError(p.t, bridgetest.NewLoad(p.in, p.out).Greet())
	return p
}

func (p *process) open(path string) uint32 {
	id := p.next
	p.next += 2
	f := bridgetest.Frame{Kind: bridgetest.Open, Stream: id, Payload: bridgetest.Request{Path: path}.Open()}
	_, err := p.in.Write(f.Append(nil))
	require.NoError(p.t, err)
	return id
}

func (p *process) ping() {
	p.t.Helper()
	_, err := p.in.Write(bridgetest.Frame{Kind: bridgetest.Ping, Payload: []byte("\x83a\x01")}.Append(nil))
	require.NoError(p.t, err)
	for p.frame().Kind != bridgetest.Pong {
	}
}

func (p *process) frame() bridgetest.Frame {
	p.t.Helper()
	f, err := bridgetest.ReadFrame(p.out)
	require.NoError(p.t, err)
	return f
}

// line waits for a line on standard error that has the text in it.
func (p *process) line(text string) string {
	p.t.Helper()
	for {
		line, err := p.stderr.ReadString('\n')
		require.NoError(p.t, err, "expected %q", text)
		if strings.Contains(line, text) {
			return line
		}
	}
}

// exit waits for the process to end, and returns how it has and how long that took.
func (p *process) exit() (*os.ProcessState, time.Duration) {
	p.t.Helper()
	start := time.Now()
	go func() {
		_, _ = io.Copy(io.Discard, p.out)
		p.waited <- p.cmd.Wait()
	}()
	_ = within(p.t, p.waited)
	return p.cmd.ProcessState, time.Since(start)
}

func TestPrintsDoNotGetBetweenTheFrames(t *testing.T) {
	p := run(t, "serve").greet()
	for _, text := range []string{"stray print before Serve", "another", "a line of package log", "and one of the runtime"} {
		p.line(text)
	}
	p.open("/print")
	kinds := []bridgetest.Kind{p.frame().Kind, p.frame().Kind}
	require.ElementsMatch(t, []bridgetest.Kind{bridgetest.Log, bridgetest.Reply}, kinds)
	p.line("printed by a handler")
}

func TestEndOfInputEndsTheProcessWhateverItsHandlersDo(t *testing.T) {
	p := run(t, "serve").greet()
	p.open("/hour")
	p.open("/spin")
	p.ping()
	require.NoError(t, p.in.Close())
	_, took := p.exit()
	require.Less(t, took, time.Second)
}

// It does not wait for the end of the grace that handlers have, of 500 ms. What a slow
// machine adds is not in each of several ends; what the process waits for would be.
func TestEndOfInputEndsAnIdleProcessCleanly(t *testing.T) {
	shortest := time.Hour
	for range 5 {
		p := run(t, "serve").greet()
		require.NoError(t, p.in.Close())
		state, took := p.exit()
		require.Zero(t, state.ExitCode())
		if shortest = min(shortest, took); shortest < 400*time.Millisecond {
			return
		}
	}
	require.Less(t, shortest, 400*time.Millisecond)
}

func TestSIGTERMDrains(t *testing.T) {
	p := run(t, "serve").greet()
	id := p.open("/wait")
	p.ping()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	f := p.frame()
	require.Equal(t, bridgetest.Drain, f.Kind)
	require.EqualValues(t, id, f.Term())
	abort := bridgetest.Frame{Kind: bridgetest.Abort, Stream: id, Payload: []byte("\x83h\x02a\x02m\x00\x00\x00\x00")}
	_, err := p.in.Write(abort.Append(nil))
	require.NoError(t, err)
	require.Equal(t, bridgetest.Abort, p.frame().Kind)
	state, _ := p.exit()
	require.Zero(t, state.ExitCode())
}

func TestFaultEndsTheProcess(t *testing.T) {
	p := run(t, "serve").greet()
	p.open("/spin")
	_, err := p.in.Write([]byte("Hello, world"))
	require.NoError(t, err)
	for p.frame().Kind != bridgetest.Fault {
	}
	state, took := p.exit()
	require.Equal(t, 1, state.ExitCode())
	require.Less(t, took, time.Second)
}

func TestChildrenInheritNeitherTheWireNorItsVariables(t *testing.T) {
	p := run(t, "serve").greet()
	p.open("/child")
	f := p.frame()
	require.Equal(t, bridgetest.Reply, f.Kind)
	for _, pipe := range p.pipes {
		require.NotContains(t, string(f.Payload), pipe)
	}
	require.Contains(t, string(f.Payload), "GWPORT_TEST_PROGRAM=")
	require.NotContains(t, string(f.Payload), "GWPORT=")
	require.NotContains(t, string(f.Payload), "GWPORT_STDERR=")
	require.Contains(t, string(f.Payload), "<nil>", "its standard input is empty, and not the wire")
}

func TestLastWordsArriveBeforeExit(t *testing.T) {
	p := run(t, "early exit").greet()
	p.open("/")
	f := p.frame()
	require.Equal(t, bridgetest.Log, f.Kind)
	require.Contains(t, string(f.Payload), "last words")
	state, _ := p.exit()
	require.Equal(t, 3, state.ExitCode())
}

func TestCrashesReachStandardError(t *testing.T) {
	p := run(t, "crash").greet()
	p.open("/")
	p.line("panic: a crash")
	p.line("goroutine ")
	state, _ := p.exit()
	require.Equal(t, 2, state.ExitCode())
}

func TestStandardErrorThatIsGoneDoesNotKillTheProgram(t *testing.T) {
	p := run(t, "serve").greet()
	p.line("stray print")
	require.NoError(t, p.host.Close())
	for range 3 {
		p.open("/print")
		require.NotEqual(t, bridgetest.Fault, p.frame().Kind)
		p.frame()
	}
}

// A record before the greeting is a line of standard error, with its level in front.
func TestRecordsBeforeServeHaveTheirLevels(t *testing.T) {
	p := run(t, "early slog")
	require.Equal(t, "<7>first a=1 b=\"x y\" c=\"\"\n", p.line("first"))
	require.Equal(t, "<6>msg=\"two\\nlines\" g=2.5 h.é=\"\\x1b\"\n", p.line("two"))
	require.Equal(t, "<4>msg=\"user=admin\"\n", p.line("user"))
	long := p.line("€")
	require.True(t, strings.HasPrefix(long, "<3>€€"))
	require.True(t, strings.HasSuffix(long, "€ [cut]\n"))
	require.LessOrEqual(t, len(long), 8_192)
	p.greet().open("/print")
	require.Equal(t, bridgetest.Log, p.frame().Kind)
}

func TestLoggerOfTheProgramsOwnIsKept(t *testing.T) {
	p := run(t, "own slog").greet()
	p.open("/print")
	require.Equal(t, bridgetest.Reply, p.frame().Kind)
	p.line(`msg="logged by a handler"`)
}

func TestProgramThatIsStartedByHandSaysWhatItIs(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GWPORT_TEST_PROGRAM=serve")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	var exit *exec.ExitError
	require.True(t, errors.As(cmd.Run(), &exit))
	require.Contains(t, stderr.String(), "GWPORT_HTTP=127.0.0.1:8080 bridge.test")
	require.Contains(t, stderr.String(), "serve: bridge: not started as a port program (GWPORT is not set)\n")
	require.LessOrEqual(t, strings.Count(stderr.String(), "\n"), 12)
}

func TestProgramServesHTTPForDevelopment(t *testing.T) {
	url := serveHTTP(t, "serve")
	status, _ := get(t, url)
	require.Equal(t, 200, status)
}

func TestAppsAreServedAtTheirNamesForDevelopment(t *testing.T) {
	url := serveHTTP(t, "apps")
	require.True(t, strings.HasSuffix(url, "/a/"), url)
	for path, want := range map[string]string{"": "/a /", "x/../y//z": "/a /y//z", "b%2Fc": "/a /b/c"} {
		status, body := get(t, url+path)
		require.Equal(t, 200, status)
		require.Equal(t, want, body)
	}
	status, _ := get(t, strings.TrimSuffix(url, "a/")+"b/")
	require.Equal(t, 404, status)
	status, _ = get(t, strings.TrimSuffix(url, "a/"))
	require.Equal(t, 404, status)
}

func TestAppsAreValidatedForDevelopmentWithoutAHost(t *testing.T) {
	url, stderr := serveHTTPWithErrors(t, "wrong")
	status, _ := get(t, url)
	require.Equal(t, 405, status)
	line, err := stderr.ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, " WARN bridge: broken rule response.status.needs: ")
}

func TestRoutesOfTheEnvironmentAreServedForDevelopment(t *testing.T) {
	t.Setenv("GWPORT_HTTP_ROUTES", "/shop=a,/=b")
	url := serveHTTP(t, "apps")
	require.True(t, strings.HasSuffix(url, "/shop/"), url)
	status, body := get(t, url+"tea")
	require.Equal(t, 200, status)
	require.Equal(t, "/shop /tea", body)
	status, _ = get(t, strings.TrimSuffix(url, "shop/")+"a/")
	require.Equal(t, 404, status) // of b
}

// What a program has logged is on its error page, whichever way it logs, and goes where it would without it.
func TestLastLinesOfProcessesAreOnThePage(t *testing.T) {
	shown := func(t *testing.T, page string) {
		t.Helper()
		require.Contains(t, page, "<h1>that is all</h1>")
		require.Regexp(t, `<li class="info">.*by package log</li>`, page)
		require.Len(t, regexp.MustCompile(`<li class="info">.*by slog`).FindAllString(page, -1), 1)
		require.NotRegexp(t, `<li.*in two lines`, page)
	}
	for name, want := range map[string][2]string{
		"talks":                 {`by slog n=1</li>`, " INFO by slog n=1\n"},
		"talks by its own slog": {`by slog n=1</li>`, `"msg":"by slog","with":"an attribute","n":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			url, stderr := serveHTTPWithErrors(t, name)
			_, page := fetch(t, devClients(t)["HTTP/1.1"], "GET", url, browser.Value)
			shown(t, page)
			require.Contains(t, page, want[0])
			for line := ""; !strings.Contains(line, want[1]); {
				var err error
				line, err = stderr.ReadString('\n')
				require.NoError(t, err)
			}
		})
	}
	t.Run("a host's", func(t *testing.T) {
		p := run(t, "talks")
		m := helloTerm()
		m[5].Value = etf.Map{{Key: "dev", Value: etf.Atom("true")}}
		hello, err := etf.Marshal(m)
		require.NoError(t, err)
		_, err = p.in.Write(bridgetest.Frame{Kind: bridgetest.Hello, Payload: hello}.Append(nil))
		require.NoError(t, err)
		open := bridgetest.Request{Headers: []bridge.Header{browser}}.Open()
		_, err = p.in.Write(bridgetest.Frame{Kind: bridgetest.Open, Stream: 256, Payload: open}.Append(nil))
		require.NoError(t, err)
		f := p.frame()
		for ; f.Kind != bridgetest.Reply; f = p.frame() {
		}
		shown(t, string(f.Payload))
		p.line("by package log")
	})
}

func serveHTTP(t *testing.T, name string) string {
	t.Helper()
	url, _ := serveHTTPWithErrors(t, name)
	return url
}

// serveHTTPWithErrors starts a program as somebody would by hand, and returns the first
// address that it names, and what it says on standard error from then on. At the end of
// the test it is told to end, and must.
func serveHTTPWithErrors(t *testing.T, name string) (string, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GWPORT_TEST_PROGRAM="+name, "GWPORT_HTTP=127.0.0.1:0", "GORACE=atexit_sleep_ms=0")
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(stderr)
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		_, _ = io.Copy(io.Discard, lines)
		require.NoError(t, cmd.Wait())
	})
	for {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		if _, url, ok := strings.Cut(strings.TrimSpace(line), ": serving "); ok {
			return url, lines
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), "GET", url, nil)
	require.NoError(t, err)
	req.URL.Opaque = strings.TrimPrefix(url, "http:") // the path as it is
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(b)
}

func TestProgramDiesWithItsParent(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("the kernel has no signal for it")
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "GWPORT_TEST_PROGRAM=parent")
	in, err := parent.StdinPipe()
	require.NoError(t, err)
	stdout, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	require.NoError(t, parent.Process.Signal(syscall.Signal(0)))
	_ = in.Close() // the parent ends; its child's input stays open in nobody's hands but its own
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, stdout) // ends when the child has gone, too
	}()
	within(t, done)
	_ = parent.Wait()
}
