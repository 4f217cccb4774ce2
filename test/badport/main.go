//go:build unix

// Badport is a port program that breaks the rules, for tests. It is written on frames alone, so that nothing of package
// bridge can keep it from doing so.
//
//	badport LIFE [FILE [once]]
//
// LIFE is a way of greeting and living (lives.go), such as good. How to answer a request is in the request's path
// (answers.go): /abort/6 aborts it with code 6. FILE gets a line for each start; with once, only the first program
// that finds it empty misbehaves, and its successors are good.
package main

import (
	"os"
	"strconv"
	"strings"
)

func main() {
	life, arg := cut(os.Args[1])
	if len(os.Args) > 2 {
		started := countStart(os.Args[2])
		if len(os.Args) > 3 && started > 0 {
			life = "good"
		}
	}
	live, ok := lives[life]
	if !ok {
		panic("badport: no such life: " + life)
	}
	p := newProgram()
	if len(os.Args) > 2 {
		p.file = os.Args[2]
	}
	live(p, arg)
	p.serve()
}

// countStart says how many programs have started before this one.
func countStart(file string) int {
	before := count(file, "start ")
	note(file, "start "+strconv.Itoa(os.Getpid()))
	return before
}

// count says how many lines of the file begin so.
func count(file, prefix string) int {
	text, _ := os.ReadFile(file)
	return strings.Count("\n"+string(text), "\n"+prefix)
}

func note(file, line string) {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(err)
	_, err = f.WriteString(line + "\n")
	must(err)
	must(f.Close())
}

// cut splits name/argument.
func cut(s string) (name, arg string) {
	name, arg, _ = strings.Cut(s, "/")
	return name, arg
}

func num(arg string) int {
	n, err := strconv.Atoi(arg)
	must(err)
	return n
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
