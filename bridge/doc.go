// Package bridge serves HTTP handlers inside an Erlang system. The program is a
// port program: the BEAM starts it, and forwards the requests that its own web
// server, Cowboy, has accepted.
//
//	func main() {
//		if err := bridge.Serve(http.HandlerFunc(hello)); err != nil {
//			log.Fatal(err)
//		}
//	}
//
// # Two kinds of apps
//
// Any [http.Handler] is served as it is, with what net/http's own server
// promises it: streaming both ways, 1xx responses, trailers, Flush, deadlines
// by way of [http.ResponseController]. Where a request of HTTP/1.1 asks for an
// upgrade, its handler can take the connection over (Hijack), as WebSocket wants it;
// where one of HTTP/2 does (extended CONNECT), it can so take its stream.
//
// An [App] has the gateway's shape: an [Environ] in, status, headers and body
// out. Each is the other: an App is an http.Handler, and [AppOf] makes an App of
// one. An App may answer later, and wait without a goroutine ([Deferred]).
//
// # What a handler can count on
//
// The request's context ends when the client has left, when the time is up that
// the route allows, or when the program is told to end; context.Cause says which
// ([ErrClientGone], [ErrDeadline], [ErrDrain], [ErrPortClosed]). Reading the
// body and writing the response return the same from then on.
//
// A slow client slows its own handler down: Write waits, within the window that
// the host has given, and neither the program nor the BEAM piles anything up.
//
// A panic costs one request, and is logged with its stack.
//
// # What the process can count on
//
// Standard input and output carry the frames, and are out of reach before main
// runs: os.Stdin is empty, what is printed to os.Stdout goes to standard error,
// and the host's log has that line by line. What is logged by log/slog arrives
// there with level and attributes ([LogHandler]). Package log, the runtime's last
// words and everything else on standard error arrive as lines.
//
// On SIGTERM, or when the host says so, Serve takes nothing new, waits for the
// requests under way and returns nil. When the host is gone the process ends
// within half a second, whatever it is doing.
//
// # How it is built
//
// The wire is described in SPEC.md, and nowhere else; comments point at its
// rules, as [F2] or [A4]. Three packages stand upon each other: internal/wire
// knows frames and terms, internal/mux the streams of one connection, with a
// page that tells the life of a stream, and this one HTTP. A request passes
// port.go, exchange.go, request.go and body.go to the handler, and goes back by
// way of response.go, finish.go and head.go; app.go, deferred.go and appof.go
// put an App in a handler's place.
package bridge
