package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/test/cowboy"
)

// With one of these arguments this program is one of the servers.
const (
	portArgument = "serve-by-gwport"
	httpArgument = "serve-by-net/http"
)

// The servers. The first is what the others are held to.
const (
	reference = "net/http"
	byRoute   = string(cowboy.Route)
	byStream  = string(cowboy.Stream)
)

var serverNames = []string{reference, byRoute, byStream}

const startLimit = 3 * time.Minute

// servedAs is whether the arguments ask for a server, which has ended then.
func servedAs(args []string) (bool, error) {
	if len(args) != 2 {
		return false, nil
	}
	switch args[1] {
	case portArgument:
		return true, (&bridge.Server{Handler: newHandler()}).Serve()
	case httpArgument:
		return true, serveHTTP()
	default:
		return false, nil
	}
}

// serveHTTP prints where it listens, and ends with its standard input.
func serveHTTP() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("autobahn: %w", err)
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: newHandler()}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // whichever way it ends
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("autobahn: %w", err)
	}
	return nil
}

// A stand is the servers while they run.
type stand struct {
	addrs  map[string]string
	cowboy *cowboy.Server
	http   *exec.Cmd
	stdin  io.Closer
}

// newStand starts them, with room for a number of connections on top of what a case needs.
func newStand(ctx context.Context, connections int) (*stand, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("autobahn: %w", err)
	}
	s := &stand{addrs: make(map[string]string)}
	if err := s.startHTTP(self); err != nil {
		return nil, err
	}
	s.cowboy, err = cowboy.Start(ctx, cowboy.Options{
		Program: []string{self, portArgument},
		Pool:    fmt.Sprintf("#{max_streams => %d}", connections+100),
		Mounts:  "[{'_', #{idle_timeout => infinity}}]",
	})
	if err != nil {
		s.stop()
		return nil, err
	}
	for _, name := range serverNames[1:] {
		s.addrs[name] = s.cowboy.Addr(cowboy.Mount(name), false)
	}
	return s, nil
}

func (s *stand) startHTTP(self string) error {
	s.http = exec.Command(self, httpArgument)
	s.http.Stderr = os.Stderr
	stdin, err := s.http.StdinPipe()
	if err != nil {
		return fmt.Errorf("autobahn: %w", err)
	}
	stdout, err := s.http.StdoutPipe()
	if err != nil {
		return fmt.Errorf("autobahn: %w", err)
	}
	if err := s.http.Start(); err != nil {
		return fmt.Errorf("autobahn: %w", err)
	}
	s.stdin = stdin
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		s.stop()
		return fmt.Errorf("autobahn: the server by net/http does not say where it listens: %w", err)
	}
	s.addrs[reference] = strings.TrimSpace(line)
	return nil
}

func (s *stand) stop() {
	if s.cowboy != nil {
		s.cowboy.Stop()
	}
	_ = s.stdin.Close()
	_ = s.http.Wait() // its status says nothing more
}
