//go:build !unix

package main

func segv() { panic("flowport: no signals here") }

func lockMemory() { panic("flowport: no limit of memory here") }
