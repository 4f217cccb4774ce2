package bridge

import (
	"net/http"
	"os"
)

// Serve serves the requests that the Erlang system which started this process
// forwards to it, until it says to stop. It returns nil after a drain; then main
// should return too.
//
// Without GWPORT in the environment there is no such system. With
// GWPORT_HTTP=host:port in it, Serve is a plain HTTP server then, for trying
// things out; else it says on standard error what to do, and returns
// [ErrNotPort].
func Serve(h http.Handler) error {
	return (&Server{Handler: h}).Serve()
}

// ServeApps is Serve for a program with several apps. The route's options in
// Erlang say which one is meant.
func ServeApps(apps map[string]http.Handler) error {
	return (&Server{Apps: apps}).Serve()
}

// Serve is the function of that name with the Server's options.
func (s *Server) Serve() error {
	set, err := s.settings()
	if err != nil {
		return err
	}
	if started.byHost {
		return set.servePort()
	}
	if addr := os.Getenv("GWPORT_HTTP"); addr != "" {
		return set.serveHTTP(addr)
	}
	explain(os.Stderr, set.name)
	return ErrNotPort
}
