// Mirror is a port program that checks its host: the other side of `gwport check`. Start it as the program of a pool,
// ask for its paths, and read its report:
//
//	mirror --report FILE      the port program
//	mirror --scripts          what to ask it for
//	mirror --read FILE        what became of each rule
//
// It is no part of gwport itself, because package bridge takes standard output away from every program that has it.
package main

import (
	"os"

	"github.com/gwport/gwport/cmd/gwport/check"
)

func main() { os.Exit(check.HostMain(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
