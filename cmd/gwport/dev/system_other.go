//go:build !unix

package dev

import (
	"os"
	"os/exec"
)

// There are no locks and no groups of processes here.

func lockFile(*os.File) error { return nil }

func inGroup(*exec.Cmd) {}

func killGroup(p *os.Process) error { return p.Kill() }

func askToEnd(p *os.Process) error { return p.Kill() }
