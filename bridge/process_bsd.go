//go:build darwin || freebsd

package bridge

import (
	"os"
	"syscall"
)

// dieWithParent has no counterpart here: the end of the input has to do.
func dieWithParent() {}

// dup makes to another name of from, inherited by children.
func dup(from, to int) error {
	return syscall.Dup2(from, to)
}

// widen does nothing: a pipe grows by itself here.
func widen(int) {}

// unread does not know what the other end of a pipe has read.
func unread(*os.File) (n int, ok bool) { return 0, false }
