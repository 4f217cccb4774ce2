// Package thirdparty holds well-known Go code to what it does under net/http: routers, frameworks,
// middleware and servers of protocols, none of them changed, are served by net/http and behind a real
// Cowboy by both of gwport's mounts, and asked the same over HTTP/1.1 and over HTTP/2 without TLS.
//
// A case is a function that takes a client and writes down what it saw; compare runs it against
// each server and wants the same notes. The test binary is also the port program: TestMain serves
// the handlers when the first argument says so.
package thirdparty
