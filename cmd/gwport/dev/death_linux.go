package dev

import "syscall"

// dieWithThread has the kernel kill a process when the thread that has started it ends, with the watcher or before it.
func dieWithThread(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
