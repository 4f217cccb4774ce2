package bridge

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

// devShutdown is how long requests may go on after SIGINT or SIGTERM.
const devShutdown = 10 * time.Second

// serveHTTP serves the same handlers without a host, for development, at the
// routes that they will be mounted at; as behind a host, they see the whole path.
func (set *settings) serveHTTP(addr, routes string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s, err := set.newDevServer(routes)
	if err != nil {
		return err
	}
	ln, err := listenHTTP(addr)
	if err != nil {
		return err
	}
	s.pages.lines.hearAll()
	for _, r := range s.routes {
		fmt.Fprintf(os.Stderr, "%s: serving %s%s\n", set.name, baseURL(ln.Addr()), r.shown())
	}
	if text := tooOpen(ln.Addr()); text != "" {
		slog.Warn(text)
	}
	srv := s.server()
	down := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.Background(), devShutdown)
		defer cancel()
		down <- srv.Shutdown(ctx)
	})
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("bridge: %w", err)
	}
	return <-down
}

// listenHTTP says what is wrong with an address.
func listenHTTP(addr string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("bridge: GWPORT_HTTP is %q, expected an address and a port, as 127.0.0.1:8080", addr)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, fmt.Errorf("bridge: GWPORT_HTTP is %q with the port %q, expected a number from 0 to 65535, as in 127.0.0.1:8080", addr, port)
	}
	ln, err := net.Listen("tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("bridge: GWPORT_HTTP is %q, where another program listens: end that, or take another port; 0 takes a free one: %w", addr, err)
	case err != nil:
		return nil, fmt.Errorf("bridge: GWPORT_HTTP is %q, where nobody can listen: %w", addr, err)
	}
	return ln, nil
}

// tooOpen says what is wrong with listening everywhere.
func tooOpen(addr net.Addr) string {
	a, ok := addr.(*net.TCPAddr)
	if !ok || !a.IP.IsUnspecified() {
		return ""
	}
	return "bridge: GWPORT_HTTP has no address, or one that stands for all of this machine's: whoever reaches it may read error pages, " +
		"with sources and requests in them; 127.0.0.1:" + strconv.Itoa(a.Port) + " is for this machine alone"
}

// baseURL is how this machine reaches an address.
func baseURL(addr net.Addr) string {
	if a, ok := addr.(*net.TCPAddr); ok && a.IP.IsUnspecified() {
		return "http://localhost:" + strconv.Itoa(a.Port)
	}
	return "http://" + addr.String()
}

// devServer is what net/http's server serves for development: the program's apps at their routes,
// with a line of the log for each request.
type devServer struct {
	set    *settings
	routes []devRoute
	pages  *errorPages
}

func (set *settings) newDevServer(routes string) (*devServer, error) {
	s := &devServer{set: set, pages: newErrorPages(set.name)}
	s.pages.turnedOn("the program was started by hand, with the environment variable GWPORT_HTTP.")
	var err error
	s.routes, err = set.apps.devRoutes(routes)
	return s, err
}

// server speaks HTTP/1.1, and HTTP/2 without TLS to clients that begin with it.
func (s *devServer) server() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           s,
		Protocols:         protocols,
		ReadHeaderTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context {
			ctx := context.WithValue(context.Background(), devKey{}, true)
			return context.WithValue(ctx, validatorKey{}, s.set.validator)
		},
	}
}

// ServeHTTP serves a request at its route. It is no http.ServeMux, because that redirects paths
// which an app behind a host gets to see.
func (s *devServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if asksForProgram(r.Header) {
		answerProgram(w, r)
		return
	}
	app, route := http.Handler(http.HandlerFunc(s.noApp)), s.route(r)
	if route != nil {
		app = route.handler
		r = r.WithContext(context.WithValue(r.Context(), mountKey{}, route.prefix))
	}
	d := &devWriter{w: w}
	defer s.log(d, r, route, time.Now())
	s.run(d, app, r)
}

// run runs an app, which costs its request at most.
func (s *devServer) run(d *devWriter, app http.Handler, r *http.Request) {
	returned := false
	defer func() {
		if !returned {
			s.panicked(d, r, recover())
		}
	}()
	app.ServeHTTP(d.asSeen(r), r)
	returned = true
	d.finish(r, s.pages.page)
}

// panicked answers for a handler that has panicked, as a port program would; no value
// means that it has called runtime.Goexit. Behind the head the response is broken off.
func (s *devServer) panicked(d *devWriter, r *http.Request, v any) {
	_, isAbort := v.(*AbortError)
	if v == http.ErrAbortHandler || isAbort {
		panic(http.ErrAbortHandler)
	}
	text := any(errGoexit)
	if v != nil {
		text = v
	}
	log.Printf("bridge: panic serving %s %s: %v\n%s", r.Method, r.URL.Path, text, debug.Stack())
	if v == nil || !d.instead(r, panicFailure(r, v), s.pages.page) {
		panic(http.ErrAbortHandler)
	}
}

// log writes a request's line, with the program's own lines.
func (s *devServer) log(d *devWriter, r *http.Request, route *devRoute, since time.Time) {
	path, _ := targetOf(r)
	attrs := []slog.Attr{slog.Int("status", d.status), slog.Int64("bytes", d.bytes), slog.Duration("duration", time.Since(since).Round(time.Microsecond))}
	if route != nil && route.app != "" {
		attrs = append(attrs, slog.String("app", route.app))
	}
	slog.LogAttrs(r.Context(), slog.LevelInfo, r.Method+" "+path, attrs...)
}
