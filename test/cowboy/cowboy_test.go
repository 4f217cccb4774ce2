package cowboy

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const patience = 2 * time.Minute

// program builds the bundled program, which answers /hello.
func program(t *testing.T) string {
	t.Helper()
	root, err := treeOf("")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "gwport")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", file, "./cmd/gwport")
	build.Dir = string(root)
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return file
}

func start(t *testing.T, options Options) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	server, err := Start(ctx, options)
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	return server
}

// Each mount answers in clear text and by TLS, by HTTP/1.1 and by HTTP/2, and the controls without gwport.
func TestEveryListenerAnswers(t *testing.T) {
	server := start(t, Options{
		Program: []string{program(t)},
		Mounts:  `[{"/[...]", #{app => <<"hello">>}}]`,
		Control: `[{"/hello", cowboy_static, {file, "` + mustAbs(t, "go.mod") + `"}}]`,
	})
	for _, mount := range []Mount{Route, Stream, Control} {
		for _, secure := range []bool{false, true} {
			for _, two := range []bool{false, true} {
				body := get(t, server, mount, secure, two)
				require.Equal(t, mount == Control, strings.Contains(body, "module "), body)
			}
		}
	}
}

func mustAbs(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	require.NoError(t, err)
	return path
}

func get(t *testing.T, server *Server, mount Mount, secure, two bool) string {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!two)
	protocols.SetHTTP2(two && secure)
	protocols.SetUnencryptedHTTP2(two && !secure)
	transport := &http.Transport{
		Protocols: protocols, ForceAttemptHTTP2: two,
		TLSClientConfig: &tls.Config{RootCAs: server.Roots},
	}
	defer transport.CloseIdleConnections()
	scheme := map[bool]string{false: "http", true: "https"}[secure]
	response, err := (&http.Client{Transport: transport, Timeout: patience}).
		Get(scheme + "://" + server.Addr(mount, secure) + "/hello")
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, map[bool]int{false: 1, true: 2}[two], response.ProtoMajor)
	return string(body)
}

// Whichever program of the pool is the first to be up, the others need not be. Here it is the last one that was started.
func TestOneProgramThatServesIsEnough(t *testing.T) {
	const lastServes = `mkdir "$0/1" || mkdir "$0/2" || mkdir "$0/3" || exec "$1"; exec cat >/dev/null`
	server := start(t, Options{Program: []string{"sh", "-c", lastServes, t.TempDir(), program(t)}, Pool: "#{ports => 4}"})
	states, err := server.Eval(t.Context(), "{ok, Ports} = gwport:info(app), lists:sort([S || #{state := S} <- Ports])")
	require.NoError(t, err)
	require.Equal(t, "[greeting,greeting,greeting,serving]", string(states))
}

// A binary is given as it is, another term as text, an exception and bad syntax as an error.
func TestEval(t *testing.T) {
	server := start(t, Options{})
	data, err := server.Eval(t.Context(), Binary("a\x00\xff\n"))
	require.NoError(t, err)
	require.Equal(t, "a\x00\xff\n", string(data))
	data, err = server.Eval(t.Context(), `X = "é", {X, 1}`)
	require.NoError(t, err)
	require.Equal(t, `{"é",1}`, string(data))
	_, err = server.Eval(t.Context(), `error(my_reason)`)
	require.ErrorContains(t, err, "my_reason")
	_, err = server.Eval(t.Context(), `((`)
	require.ErrorContains(t, err, "syntax error")
	data, err = server.Eval(t.Context(), `binary:copy(<<"x">>, 1000000)`)
	require.NoError(t, err)
	require.Len(t, data, 1000000)
	server.Stop()
	_, err = server.Eval(t.Context(), `1`)
	require.ErrorIs(t, err, errEnded)
}

// What fails in Erlang is told, and no BEAM is left.
func TestAStartThatFailsSaysWhy(t *testing.T) {
	_, err := Start(t.Context(), Options{Pool: `#{no_such_option => 1}`, Program: []string{"true"}})
	require.ErrorContains(t, err, "no_such_option")
	_, err = Start(t.Context(), Options{Program: []string{"/no/such/program"}})
	require.ErrorContains(t, err, "bad_option")
}

// The BEAM ends with its standard input, its programs with the BEAM, and the folder goes with them.
func TestStopLeavesNothing(t *testing.T) {
	server := start(t, Options{Program: []string{program(t)}})
	pids := processes(t, server)
	server.Stop()
	server.Stop()
	require.ErrorIs(t, syscall.Kill(pids[0], 0), syscall.ESRCH)
	requireGone(t, pids, server.work)
}

// processes are the BEAM and its program.
func processes(t *testing.T, server *Server) []int {
	t.Helper()
	text, err := server.Eval(t.Context(), `{ok, [#{os_pid := Pid}]} = gwport:info(app), Pid`)
	require.NoError(t, err)
	pid, err := strconv.Atoi(string(text))
	require.NoError(t, err)
	return []int{server.beam.cmd.Process.Pid, pid}
}

func requireGone(t *testing.T, pids []int, work string) {
	t.Helper()
	for _, pid := range pids {
		require.Eventually(t, func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH }, patience, 10*time.Millisecond)
	}
	require.NoDirExists(t, work)
}

// killedTest has the program's path where this binary is to be the test that is killed.
const killedTest = "COWBOY_TEST_KILLED"

// A test that is killed leaves no more than one that ends.
func TestAKilledTestLeavesNothing(t *testing.T) {
	if path := os.Getenv(killedTest); path != "" {
		server := start(t, Options{Program: []string{path}})
		pids := processes(t, server)
		fmt.Println("started", pids[0], pids[1], server.work)
		select {} // until it is killed
	}
	self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	self.Env = append(os.Environ(), killedTest+"="+program(t))
	out, err := self.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, self.Start())
	var beam, port int
	var work string
	_, err = fmt.Fscanf(out, "started %d %d %s\n", &beam, &port, &work)
	require.NoError(t, err)
	require.NoError(t, self.Process.Kill())
	require.Error(t, self.Wait())
	requireGone(t, []int{beam, port}, work)
}
