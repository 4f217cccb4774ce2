// Package wire is the Go side of SPEC.md's frames and terms: bytes to values and
// values to bytes. It has no goroutines and knows nothing of HTTP but the words
// of a request map; package mux says when which frame may come, package bridge
// what is behind it.
//
// Nothing is allocated on a peer's word: lengths, counts, depth and numbers are
// checked where they are read, so that nobody above has to do it again.
//
// The texts of errors begin with "bridge", since they travel to the host and
// reach people who know the program by that package.
package wire
