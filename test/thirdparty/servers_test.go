package thirdparty

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/test/cowboy"
)

const (
	serveArgument    = "serve"     // and the backend's address: the test binary is the port program
	serveRawArgument = "serve-raw" // the same, with RawConnect
	startLimit       = 3 * time.Minute
)

// apps are the handlers by the first label of the Host that asks for them, so that a handler sees paths as they
// come and needs no prefix. Some ask the backend for something.
var apps = map[string]func(backend string) http.Handler{}

// resetPath at any app's host makes that app anew: a case starts with counters at zero, whoever ran before.
const resetPath = "/make-this-app-anew"

// A switchboard is the one handler that every server has.
type switchboard struct {
	backend string
	mu      sync.Mutex
	running map[string]http.Handler
}

func (s *switchboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	app, _, _ := strings.Cut(r.Host, ".")
	if r.URL.Path == resetPath {
		s.mu.Lock()
		delete(s.running, app)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.handler(app).ServeHTTP(w, r)
}

func (s *switchboard) handler(app string) http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[app] == nil {
		if apps[app] == nil {
			return http.NotFoundHandler()
		}
		s.running[app] = apps[app](s.backend)
	}
	return s.running[app]
}

func newSwitchboard(backend string) *switchboard {
	return &switchboard{backend: backend, running: make(map[string]http.Handler)}
}

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && (os.Args[1] == serveArgument || os.Args[1] == serveRawArgument) {
		server := &bridge.Server{Handler: newSwitchboard(os.Args[2]), RawConnect: os.Args[1] == serveRawArgument}
		if err := server.Serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	status := m.Run()
	stopServers()
	os.Exit(status)
}

// servers are the three that are compared, started when the first test wants them.
type servers struct {
	addrs   map[string]string
	http    *http.Server
	backend *http.Server
	cowboy  *cowboy.Server
}

const reference = "net/http"

// ours are the servers that are held to the reference.
var ours = []string{string(cowboy.Route), string(cowboy.Stream)}

var (
	startOnce sync.Once
	running   servers
	startErr  error
)

func start(t *testing.T) *servers {
	t.Helper()
	startOnce.Do(func() { startErr = running.start() })
	require.NoError(t, startErr)
	return &running
}

func (s *servers) start() error {
	s.addrs = make(map[string]string)
	backend, err := serve(&s.backend, backendHandler())
	if err != nil {
		return err
	}
	if s.addrs[reference], err = serve(&s.http, newSwitchboard(backend)); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	s.cowboy, err = cowboy.Start(ctx, cowboy.Options{Program: []string{self, serveArgument, backend}, Listener: offersConnect})
	if err != nil {
		return err
	}
	for _, mount := range ours {
		s.addrs[mount] = s.cowboy.Addr(cowboy.Mount(mount), false)
	}
	return nil
}

// serve serves by net/http, HTTP/1.1 and HTTP/2 with prior knowledge.
func serve(to **http.Server, h http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: h, Protocols: protocols}
	*to = server
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			panic(err)
		}
	}()
	return listener.Addr().String(), nil
}

func stopServers() {
	if running.cowboy != nil {
		running.cowboy.Stop()
	}
	for _, server := range []*http.Server{running.http, running.backend} {
		if server != nil {
			_ = server.Close() // the process ends next
		}
	}
}
