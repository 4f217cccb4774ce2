// The app is the Go side of every contestant that has one: the same handlers, served by net/http, as a gwport port
// program, as a naive port program or by net/http/fcgi.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"

	"github.com/gwport/gwport/bridge"
)

func main() {
	mode := flag.String("mode", "http", "http, port, naive or fcgi")
	files := flag.String("files", "", "folder of the files below /file/")
	cert := flag.String("cert", "", "serve http over TLS with the certificate and the key in this file")
	profile := flag.String("cpuprofile", "", "write a CPU profile to this file until the end")
	flag.Parse()
	if err := run(*mode, *files, *cert, *profile); err != nil {
		fmt.Fprintln(os.Stderr, "bench app:", err)
		os.Exit(1)
	}
}

func run(mode, files, cert, profile string) error {
	if profile != "" {
		f, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	h := newHandler(files)
	switch mode {
	case "port":
		return (&bridge.Server{Handler: h, Name: "bench", MaxStreams: 20000}).Serve()
	case "naive":
		return serveNaive(os.Stdin, os.Stdout, h)
	case "http":
		return serveHTTP(h, cert)
	case "fcgi":
		return serveFCGI(h)
	}
	return fmt.Errorf("unknown mode %q", mode)
}

func serveHTTP(h http.Handler, cert string) error {
	ln, err := listen()
	if err != nil {
		return err
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{Handler: h, Protocols: &protocols}
	context.AfterFunc(untilToldToEnd(), func() { srv.Close() })
	serve := srv.Serve
	if cert != "" {
		serve = func(ln net.Listener) error { return srv.ServeTLS(ln, cert, cert) }
	}
	if err := serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func serveFCGI(h http.Handler) error {
	ln, err := listen()
	if err != nil {
		return err
	}
	ended := untilToldToEnd()
	context.AfterFunc(ended, func() { ln.Close() })
	if err := fcgi.Serve(ln, h); ended.Err() == nil {
		return err
	}
	return nil
}

func listen() (net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		fmt.Printf("BENCH port %d\n", ln.Addr().(*net.TCPAddr).Port)
	}
	return ln, err
}

// untilToldToEnd ends with SIGTERM, and with standard input: whoever started the program may have been killed.
func untilToldToEnd() context.Context {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	return ctx
}
