package apps

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The test binary runs itself for what ends or dirties a process: with this variable it asks for one path and exits.
const childPath = "GWPORT_APPS_TEST_PATH"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		debug.SetMaxStack(1 << 20) // or a stack overflow would first take a gigabyte
		w := httptest.NewRecorder()
		newFaults().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(t *testing.T, path string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childPath+"="+path, "GORACE=atexit_sleep_ms=0")
	var out, err strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run()
	return cmd.ProcessState.ExitCode(), out.String(), err.String()
}

func TestFaults_that_end_the_program(t *testing.T) {
	for path, want := range map[string]struct {
		code int
		says string
	}{
		"/faults/exit":                           {3, ""},
		"/faults/exit?code=7":                    {7, ""},
		"/faults/fatal":                          {2, "fatal error: sync: unlock of unlocked mutex"},
		"/faults/fatal?kind=map":                 {2, "fatal error: concurrent map writes"},
		"/faults/fatal?kind=goroutine&bytes=9e4": {2, "panic: faults: a panic that nobody recovers " + strings.Repeat("x", 90_000)},
		"/faults/fatal?kind=stack":               {2, "fatal error: stack overflow"},
	} {
		t.Run(path, func(t *testing.T) {
			code, _, stderr := child(t, path)
			require.Equal(t, want.code, code, stderr)
			require.Contains(t, stderr, want.says)
		})
	}
}

func TestFaults_print_writes_to_stdout_in_both_ways(t *testing.T) {
	code, stdout, _ := child(t, "/faults/print")
	require.Zero(t, code)
	require.Equal(t, "Hello, stdout\nHello, descriptor 1\n", stdout)
}

func TestFaults_stderr_writes_as_many_bytes_as_asked_for(t *testing.T) {
	for _, c := range []struct {
		path string
		want int
	}{{"/faults/stderr?bytes=0", 0}, {"/faults/stderr?bytes=1", 1}, {"/faults/stderr?bytes=80", 80}, {"/faults/stderr?bytes=100000", 100_000}} {
		_, _, stderr := child(t, c.path)
		require.Len(t, stderr, c.want)
		if c.want > 0 {
			require.True(t, strings.HasSuffix(stderr, "\n"))
		}
	}
}

func TestFaults_page_names_everything(t *testing.T) {
	f := newFaults()
	w := ask(f, "GET", "/faults")
	for _, a := range f.acts {
		require.Contains(t, w.Body.String(), `<a href="/faults/`+a.Name)
		require.NotEmpty(t, a.Summary)
	}
	require.Len(t, regexp.MustCompile(`<a href="/faults/`).FindAllString(w.Body.String(), -1), len(f.acts))
	require.Equal(t, 404, ask(f, "GET", "/faults/none").Code)
}

func TestFaults_refuse_a_parameter_that_is_no_number(t *testing.T) {
	f := newFaults()
	for _, path := range []string{
		"panic-late?bytes=x", "exit?code=x", "fatal?bytes=x", "fatal?kind=x", "status?code=x", "short?sent=x", "informational?count=x",
		"sleep?s=x", "spin?s=x", "events?ms=x", "write?bytes=x", "write?delay_ms=x", "read?chunk=x", "never-read?s=x",
		"stderr?bytes=x", "slog?count=x", "slog?level=x",
	} {
		require.Equal(t, 400, ask(f, "GET", "/faults/"+path).Code, path)
	}
}

func TestFaults_panic_before_and_after_the_head(t *testing.T) {
	f := newFaults()
	require.PanicsWithValue(t, "faults: a panic before the head", func() { ask(f, "GET", "/faults/panic") })

	w := httptest.NewRecorder()
	require.PanicsWithValue(t, "faults: a panic after the head", func() {
		f.ServeHTTP(w, httptest.NewRequest("GET", "/faults/panic-late?bytes=16", nil))
	})
	require.Equal(t, "000000000000000\n", w.Body.String())
	require.True(t, w.Flushed)
}

func TestFaults_status_and_header_are_sent_as_given(t *testing.T) {
	f := newFaults()
	w := ask(f, "GET", "/faults/status?code=418&text=teapot")
	require.Equal(t, 418, w.Code)
	require.Equal(t, "teapot", w.Body.String())

	w = ask(f, "GET", "/faults/header?name=x-A&value=1&name=x-A&value=a%0d%0ab&name=y")
	header := map[string][]string(w.Header())
	require.Equal(t, []string{"1", "a\r\nb"}, header["x-A"])
	require.Equal(t, []string{""}, header["y"])
}

// These need a server: a recorder has no opinion on length, and takes the first WriteHeader for the last.
func TestFaults_of_the_head_under_net_http(t *testing.T) {
	srv := httptest.NewServer(newFaults())
	defer srv.Close()

	_, body, err := fetch(srv.URL + "/faults/short?declared=100&sent=10")
	require.ErrorContains(t, err, "unexpected EOF")
	require.Len(t, body, 10)

	_, body, err = fetch(srv.URL + "/faults/informational")
	require.NoError(t, err)
	require.Equal(t, "hinted\n", body)

	res, _, err := fetch(srv.URL + "/faults/trailers")
	require.NoError(t, err)
	require.Equal(t, http.Header{"X-Announced": {"yes"}, "X-Late": {"yes"}}, res.Trailer)

	res, body, err = fetch(srv.URL + "/faults/trailers?announced=0&bytes=3")
	require.NoError(t, err)
	require.Equal(t, "trailers follow\nxxx", body)
	require.Equal(t, http.Header{"X-Late": {"yes"}}, res.Trailer)

	_, _, err = fetch(srv.URL + "/faults/trailers?panic=1")
	require.ErrorContains(t, err, "unexpected EOF")
}
