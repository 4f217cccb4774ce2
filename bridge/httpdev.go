package bridge

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

// devShutdown is how long requests may go on after SIGINT or SIGTERM.
const devShutdown = 10 * time.Second

// serveHTTP serves the same handlers without a host, for development. Apps with
// names are at /NAME; as behind a host, they see the whole path.
func (set *settings) serveHTTP(addr string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("bridge: GWPORT_HTTP: %w", err)
	}
	base := "http://" + ln.Addr().String()
	if set.apps.find("") != nil {
		fmt.Fprintf(os.Stderr, "%s: serving %s/\n", set.name, base)
	}
	for _, name := range slices.Sorted(maps.Keys(set.apps.named)) {
		fmt.Fprintf(os.Stderr, "%s: serving %s/%s/\n", set.name, base, name)
	}
	srv := &http.Server{
		Handler:           set.apps.mux(),
		ReadHeaderTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), validatorKey{}, set.validator)
		},
	}
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

// mux is the routes of development. It is no http.ServeMux, because that
// redirects paths which an app behind a host gets to see.
func (a apps) mux() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := firstSegment(r.URL.Path)
		if h, ok := a.named[name]; ok && name != "" {
			h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), mountKey{}, "/"+name)))
			return
		}
		if h := a.find(""); h != nil {
			h.ServeHTTP(w, r)
			return
		}
		http.NotFound(w, r)
	})
}

func firstSegment(path string) string {
	if path == "" {
		return ""
	}
	path = path[1:]
	for i := range len(path) {
		if path[i] == '/' {
			return path[:i]
		}
	}
	return path
}
