package main

import (
	"os"
	"slices"
	"time"

	"github.com/gwport/gwport/etf"
)

// lives are the ways to greet, and to live behind the greeting. They run before the first frame is read.
var lives = map[string]func(p *program, arg string){
	"good":   func(p *program, _ string) { p.greet(nil) },
	"window": func(p *program, arg string) { p.nextWindow = num(arg); p.greet(nil) },

	// Instead of a greeting.
	"stray":  func(p *program, _ string) { p.raw([]byte("Hello, stdout\n")) },
	"mute":   func(*program, string) {},
	"exit":   func(_ *program, arg string) { os.Exit(num(arg)) },
	"fault":  func(p *program, arg string) { p.send(fault, etf.Tuple{num(arg), "badport: a sentence about ranges"}) },
	"kind":   func(p *program, arg string) { p.send(num(arg), 1) },
	"stream": func(p *program, _ string) { p.stream(chunk, 256, "too early") },
	"length": func(p *program, arg string) { p.raw(lengthOf(num(arg))) },

	// A ready with something wrong.
	"version": func(p *program, arg string) { p.greet(func(r etf.Map) etf.Map { return with(r, "version", num(arg)) }) },
	"lacks":   func(p *program, arg string) { p.greet(func(r etf.Map) etf.Map { return without(r, arg) }) },
	"wrong":   func(p *program, arg string) { p.greet(func(r etf.Map) etf.Map { return with(r, arg, -1) }) },
	"more":    func(p *program, _ string) { p.greet(func(r etf.Map) etf.Map { return with(r, "later", "unknown") }) },

	// After it.
	"deaf":    func(p *program, _ string) { p.nextWindow = 16 << 20; p.greet(nil); forever() },
	"undying": func(p *program, _ string) { p.ignoreBye = true; p.greet(nil) },
	"drains":  func(p *program, arg string) { p.greet(nil); p.send(drain, num(arg)) },
	"leaves":  func(p *program, arg string) { p.greet(nil); os.Exit(num(arg)) },
}

// greet reads hello and answers it, changed as wanted.
func (p *program) greet(change func(etf.Map) etf.Map) {
	f, err := p.read()
	must(err)
	if f.kind != hello {
		panic("badport: expected hello")
	}
	r := etf.Map{
		{Key: "version", Value: 1},
		{Key: "window", Value: p.nextWindow},
		{Key: "max_frame", Value: 1 << 20},
		{Key: "max_head", Value: 65536},
		{Key: "max_streams", Value: 100},
		{Key: "capabilities", Value: etf.List{}},
		{Key: "name", Value: "badport"},
		{Key: "program_version", Value: "0"},
		{Key: "apps", Value: etf.List{}},
	}
	if change != nil {
		r = change(r)
	}
	p.send(ready, r)
}

func with(m etf.Map, key string, value any) etf.Map {
	return append(without(m, key), etf.Pair{Key: key, Value: value})
}

func without(m etf.Map, key string) etf.Map {
	return slices.DeleteFunc(m, func(p etf.Pair) bool { return p.Key == key })
}

// forever is not select {}, which the runtime takes for a deadlock where nothing else runs.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}
