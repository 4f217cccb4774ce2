//go:build unix && !linux

package dev

import "syscall"

// dieWithThread has no counterpart here: a program that the watcher runs lives on when the watcher is killed.
func dieWithThread(*syscall.SysProcAttr) {}
