//go:build unix

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// lives are the ways to greet, and to live behind the greeting. They run before the first frame is read.
var lives = map[string]func(p *program, arg string){
	"good": func(p *program, _ string) { p.greet(nil) },
	"files": func(p *program, _ string) {
		p.greet(func(r etf.Map) etf.Map { return with(r, "capabilities", etf.List{"file"}) })
	},
	"hijacks": func(p *program, _ string) {
		p.greet(func(r etf.Map) etf.Map { return with(r, "capabilities", etf.List{"hijack"}) })
	},
	"tells": func(p *program, arg string) {
		p.tells = arg
		p.greet(func(r etf.Map) etf.Map { return with(r, "capabilities", etf.List{"evidence"}) })
	},
	"window": func(p *program, arg string) { p.nextWindow = num(arg); p.greet(nil) },

	// Instead of a greeting.
	"stray": func(p *program, _ string) { p.raw([]byte("Hello, stdout\n")) },
	"mute":  func(*program, string) {},
	"exit":  func(_ *program, arg string) { os.Exit(num(arg)) },
	"fault": func(p *program, arg string) {
		p.send(frames.Fault, etf.Tuple{num(arg), "badport: a sentence about ranges"})
	},
	"kind":   func(p *program, arg string) { p.send(frames.Kind(num(arg)), 1) },
	"stream": func(p *program, _ string) { p.stream(frames.Chunk, 256, "too early") },
	"length": func(p *program, arg string) { p.raw(lengthOf(num(arg))) },

	// A ready with something wrong.
	"version": func(p *program, arg string) { p.greet(func(r etf.Map) etf.Map { return with(r, "version", num(arg)) }) },
	"lacks":   func(p *program, arg string) { p.greet(func(r etf.Map) etf.Map { return without(r, arg) }) },
	"wrong":   func(p *program, arg string) { p.greet(func(r etf.Map) etf.Map { return with(r, arg, -1) }) },

	// A program of later: it says more, or speaks other versions.
	"more":   func(p *program, _ string) { p.greet(more) },
	"speaks": speaks,

	// After it.
	"deaf":     func(p *program, _ string) { p.nextWindow = 16 << 20; p.greet(nil); forever() },
	"pesters":  func(p *program, _ string) { p.greet(nil); pester(p) },
	"floods":   func(p *program, arg string) { p.greet(nil); go flood(p, num(arg)) },
	"undying":  func(p *program, _ string) { p.ignoreBye = true; p.greet(nil) },
	"stubborn": func(p *program, _ string) { signal.Ignore(syscall.SIGTERM); p.ignoreBye = true; p.greet(nil) },
	"lingers":  func(p *program, arg string) { p.linger = num(arg); p.greet(nil) },
	"tidies":   tidies,
	"drains":   func(p *program, arg string) { p.greet(nil); p.send(frames.Drain, num(arg)) },
	"leaves":   func(p *program, arg string) { p.greet(nil); os.Exit(num(arg)) },
}

// pester asks whether the host lives, again and again, and does not listen.
func pester(p *program) {
	for {
		p.send(frames.Ping, 1)
	}
}

// flood logs without end, as fast as it can write, in pieces of so many lines.
func flood(p *program, lines int) {
	line := envelope(etf.Tuple{int(frames.Log), encode(etf.Tuple{6, "", etf.Map{}})})
	for piece := bytes.Repeat(line, lines); ; {
		p.raw(piece)
	}
}

// greet reads hello and answers it, changed as wanted.
func (p *program) greet(change func(etf.Map) etf.Map) {
	f, err := p.read()
	must(err)
	p.answerHello(f, change)
}

func (p *program) answerHello(f frame, change func(etf.Map) etf.Map) {
	if f.kind != frames.Hello {
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
	p.send(frames.Ready, r)
}

// more is what a ready may say that nobody knows yet, beside other values for what people read.
func more(r etf.Map) etf.Map {
	r = with(r, "program_version", "999.1")
	r = with(r, "capabilities", etf.List{"hijack", "later"})
	return append(r,
		etf.Pair{Key: "package", Value: "gwport 999.1"},
		etf.Pair{Key: "later", Value: etf.Map{{Key: "deep", Value: etf.List{-1, 2.5, true, etf.Tuple{}}}}},
		etf.Pair{Key: "", Value: etf.List{}})
}

// speaks greets in the highest version that the host and a range, such as 2-3, have in common, or says that there is
// none [G3].
func speaks(p *program, arg string) {
	low, high, _ := strings.Cut(arg, "-")
	f, err := p.read()
	must(err)
	v, _ := f.term().(etf.Map).Get(etf.Binary("versions"))
	hostLow, hostHigh := int(v.(etf.Tuple)[0].(int64)), int(v.(etf.Tuple)[1].(int64))
	version := min(num(high), hostHigh)
	if version < max(num(low), hostLow) {
		p.send(frames.Fault, etf.Tuple{1, fmt.Sprintf("badport speaks wire versions %s to %s, the host %d to %d", low, high, hostLow, hostHigh)})
		os.Exit(1)
	}
	p.answerHello(f, func(r etf.Map) etf.Map { return with(r, "version", version) })
}

func with(m etf.Map, key string, value any) etf.Map {
	return append(without(m, key), etf.Pair{Key: key, Value: value})
}

func without(m etf.Map, key string) etf.Map {
	return slices.DeleteFunc(m, func(p etf.Pair) bool { return p.Key == key })
}

// tidies ends with status 7, so many milliseconds after SIGTERM, and not otherwise.
func tidies(p *program, arg string) {
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		time.Sleep(time.Duration(num(arg)) * time.Millisecond)
		os.Exit(7)
	}()
	p.ignoreBye = true
	p.greet(nil)
}

// forever is not select {}, which the runtime takes for a deadlock where nothing else runs.
func forever() {
	for {
		time.Sleep(time.Hour)
	}
}
