//go:build unix

package main

import (
	"os"
	"syscall"
)

// segv ends the program by a signal that Go does not take for a panic.
func segv() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGSEGV)
	select {}
}

// lockMemory leaves the program as much address space as it has, and no more.
func lockMemory() {
	var limit syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_AS, &limit)
	limit.Cur = 1
	_ = syscall.Setrlimit(syscall.RLIMIT_AS, &limit)
}
