package cowboy

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Mount is how a listener serves.
type Mount string

// The listeners. In Erlang they are called route_clear, route_tls, stream_clear and so on.
const (
	Route   Mount = "route"   // gwport_handler under a route
	Stream  Mount = "stream"  // gwport_stream_h
	Control Mount = "control" // Options.Control, and nothing of gwport
)

// Options say what is served. Those that are called Erlang are expressions.
type Options struct {
	// Tree is the root of a gwport repository; the one that the working directory is in if empty.
	Tree string

	// Program is the port program and its arguments. Without one there is no pool, and nothing is mounted.
	Program []string

	// Pool is Erlang: a map of more options of the pool, which is called app. Of several programs one is up when
	// Start returns, whichever is first.
	Pool string

	// Mounts is Erlang: a list of {Path, Options} as gwport_stream_h:mounts/1 takes them, to which `pool => app`
	// is added. Every path is mounted if it is empty: [{'_', #{}}].
	Mounts string

	// Listener is Erlang: a map of more options for the protocol, of every listener.
	Listener string

	// TLS is Erlang: a list of more options of ssl for the listeners with TLS.
	TLS string

	// Control is Erlang: a list of {Path, Handler, State} as cowboy_router:compile/1 takes them.
	Control string

	// Modules are Erlang sources to compile beside ours, such as the handlers of Control.
	Modules []string

	// Env is added to the BEAM's environment, as NAME=value.
	Env []string
}

// A Server is a BEAM that runs.
type Server struct {
	// Certificate is what the listeners with TLS show, in PEM. It is for 127.0.0.1 and localhost, and signs itself.
	Certificate []byte

	// Roots holds the certificate.
	Roots *x509.CertPool

	beam  *beam
	addrs map[string]string
	work  string
}

// Start compiles what is to be compiled, and starts the BEAM and every listener. The context
// bounds the start alone; Stop ends the server.
func Start(ctx context.Context, options Options) (*Server, error) {
	work, err := os.MkdirTemp("", "cowboy")
	if err != nil {
		return nil, fmt.Errorf("cowboy: %w", err)
	}
	s := &Server{work: work}
	if err := s.start(ctx, options); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, options Options) error {
	tree, err := treeOf(options.Tree)
	if err != nil {
		return err
	}
	paths, err := tree.compile(ctx, s.work, options.Modules)
	if err != nil {
		return err
	}
	if s.Certificate, err = writeCertificate(s.work); err != nil {
		return err
	}
	s.Roots = x509.NewCertPool()
	s.Roots.AppendCertsFromPEM(s.Certificate)
	if s.beam, err = startBeam(s.work, paths, options.Env, options.term(s.work)); err != nil {
		return err
	}
	line, err := s.beam.greeting(ctx)
	if err != nil {
		return err
	}
	s.addrs = make(map[string]string)
	for pair := range strings.FieldsSeq(line) {
		name, port, _ := strings.Cut(pair, "=")
		s.addrs[name] = "127.0.0.1:" + port
	}
	return nil
}

// term is the options as cowboy_server.erl takes them.
func (o Options) term(work string) string {
	var program []string
	for _, text := range o.Program {
		program = append(program, Binary(text))
	}
	fields := []string{
		"program => [" + strings.Join(program, ", ") + "]",
		"pool => " + cmp.Or(o.Pool, "#{}"),
		"mounts => " + cmp.Or(o.Mounts, "[{'_', #{}}]"),
		"listener => " + cmp.Or(o.Listener, "#{}"),
		"control => " + cmp.Or(o.Control, "[]"),
		"tls => " + cmp.Or(o.TLS, "[]"),
		"certfile => " + Binary(filepath.Join(work, certFile)),
		"keyfile => " + Binary(filepath.Join(work, keyFile)),
	}
	return "#{" + strings.Join(fields, ", ") + "}"
}

// Addr is a listener's host and port.
func (s *Server) Addr(mount Mount, tls bool) string {
	if tls {
		return s.addrs[string(mount)+"_tls"]
	}
	return s.addrs[string(mount)+"_clear"]
}

// Eval evaluates an Erlang expression, or several with commas between them, in a process of
// its own. What it gives is a binary's bytes, or any other term as ~0tp prints it; term_to_binary/1 around the
// expression, and package etf, keep the term whole. An exception is an error. Calls may run side by side.
func (s *Server) Eval(ctx context.Context, expression string) ([]byte, error) {
	return s.beam.eval(ctx, expression)
}

// Log is the last megabyte of what the BEAM has logged and printed.
func (s *Server) Log() string { return s.beam.log.String() }

// Stop ends the BEAM at once, without a drain (`supervisor:terminate_child(gwport_sup, {gwport, app})` is one). Its
// programs see the end of their input, and are gone half a second later. A second Stop does nothing.
func (s *Server) Stop() {
	if s.beam != nil {
		s.beam.stop()
	}
	_ = os.RemoveAll(s.work) // a leftover in the system's temporary folder is no failure
}

// Binary writes bytes as an Erlang binary, for an expression.
func Binary[T string | []byte](data T) string {
	var b strings.Builder
	b.WriteString("<<")
	for i := range len(data) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, data[i])
	}
	b.WriteString(">>")
	return b.String()
}
