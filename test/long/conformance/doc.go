// Package conformance runs the conformance suite of connectrpc.com against its reference server behind a real
// Cowboy, by both mounts: every case of Connect, gRPC and gRPC-Web over HTTP/1.1 and HTTP/2, in clear text and by TLS,
// with every codec and compression.
//
// The suite's code is not changed. Its parts are internal to its module, so the module is copied out of Go's cache, and
// two commands and a file that hands out the reference server's handler are laid beside them (testdata).
package conformance
