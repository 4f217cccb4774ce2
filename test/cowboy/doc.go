// Package cowboy starts a BEAM with a real Cowboy and gwport in it, for tests that are written in
// Go. A program is served by both mounts, and beside them stands a listener with plain Cowboy handlers, each
// in clear text (HTTP/1.1, and HTTP/2 with prior knowledge) and by TLS (either, by ALPN):
//
//	server, err := cowboy.Start(ctx, cowboy.Options{Program: []string{path}})
//	defer server.Stop()
//	http.Get("http://" + server.Addr(cowboy.Route, false) + "/hello")
//	server.Eval(ctx, `gwport:info(app)`)
//
// Options that are Erlang are written in Erlang. What they do not say, [Server.Eval] can do: it
// evaluates any expression in the BEAM, gwport:request/2 among them.
//
// The Erlang half is compiled first, by rebar3, so that it is never older than its sources. The
// BEAM ends with its standard input: it does not outlive the test that started it, however that ends,
// and the programs do not outlive the BEAM.
package cowboy
