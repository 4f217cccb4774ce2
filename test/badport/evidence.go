//go:build unix

package main

import (
	"strings"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// tells are the ways to answer an ask.
var tells = map[string]func(p *program, number, most int){
	"nothing": func(*program, int, int) {},
	"edge":    func(p *program, number, most int) { p.tell(number, most, 0, "") },
	"more":    func(p *program, number, most int) { p.tell(number, most+1, 0, "") },
	"odd": func(p *program, number, _ int) {
		p.send(frames.Part, etf.Tuple{number + 7, "of no ask"})
		p.send(frames.Answered, etf.Tuple{number + 7, 0, ""})
		p.send(frames.Answered, etf.Tuple{number, 99, "odd\nthing"})
		p.send(frames.Part, etf.Tuple{number, "late"})
	},
	"unknown":  func(p *program, number, _ int) { p.tell(number, 0, 3, "") },
	"misshape": func(p *program, number, _ int) { p.send(frames.Part, etf.Tuple{number, ""}) },
}

// tell answers with so many bytes, and then with a result.
func (p *program) tell(number, bytes, result int, text string) {
	for bytes > 0 {
		n := min(bytes, 32<<10)
		p.send(frames.Part, etf.Tuple{number, strings.Repeat("x", n)})
		bytes -= n
	}
	p.send(frames.Answered, etf.Tuple{number, result, text})
}

func (p *program) evidence(f frame) {
	ask := f.term().(etf.Tuple)
	if tell, ok := tells[p.tells]; ok {
		tell(p, int(ask[0].(int64)), int(ask[3].(int64)))
	}
}
