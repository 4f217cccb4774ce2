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
// GWPORT_HTTP=host:port in it, Serve is a server of net/http's then, for development
// (HTTP/1.1, and HTTP/2 without TLS); else it says on standard error what to do, and
// returns [ErrNotPort].
//
//	GWPORT_HTTP=127.0.0.1:8080 ./shop
//	GWPORT_HTTP=127.0.0.1:8080 GWPORT_HTTP_ROUTES=/shop=shop,/=front ./shop
//
// The only handler is at /, and with several apps each at /NAME/, unless
// GWPORT_HTTP_ROUTES has their prefixes; SCRIPT_NAME and PATH_INFO are as behind a
// host. Each request is a line of the log, [Dev] is true, and Apps are validated.
//
// In development, which this is and which a host's pool with the option dev is, a
// browser is shown a page where the app has failed before the head of its response: by a
// panic, with the stack, or by an answer of 5xx in plain text. Other clients get what
// they get in production.
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
		return set.serveHTTP(addr, os.Getenv("GWPORT_HTTP_ROUTES"))
	}
	explain(os.Stderr, set.name)
	return ErrNotPort
}
