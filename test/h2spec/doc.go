// Package h2spec is the place of a module that pins h2spec, which checks a server against the RFCs of HTTP/2, case by
// case. test/slow/gwport_h2spec_SUITE.erl builds and runs it.
package h2spec
