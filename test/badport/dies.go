//go:build unix

package main

import (
	"os"
	"strings"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// dying is a request that ends the programs that it comes to, until so many have ended. The next one answers it.
type dying struct {
	how   string
	count int // of programs
	after int // bytes of a body
	body  []byte
}

// dies takes exit-1, whatever comes of a body; diesAt takes exit-1-100: when there are 100 bytes of a body, which is
// also the answer.
func dies(p *program, id uint32, arg string) {
	newDying(arg+"-0").end(p, id)
	answerOK(p, id)
}

func diesAt(p *program, id uint32, arg string) {
	d := newDying(arg)
	p.uploads[id] = d
	d.endAt(p, id)
}

func newDying(arg string) *dying {
	a := strings.SplitN(arg, "-", 3)
	return &dying{how: a[0], count: num(a[1]), after: num(a[2])}
}

func (d *dying) take(p *program, f frame) {
	if f.kind == frames.Fin {
		delete(p.uploads, f.stream)
		p.stream(frames.Reply, f.stream, ok200(string(d.body)))
		return
	}
	d.body = append(d.body, f.payload...)
	d.endAt(p, f.stream)
	p.stream(frames.Credit, f.stream, len(f.payload))
}

func (d *dying) endAt(p *program, id uint32) {
	if len(d.body) >= d.after {
		d.end(p, id)
	}
}

// end is the program's, if it is not too many: exit is one that nobody has heard of, entered comes behind that frame,
// partial in the middle of another, drain behind the word that this stream is not served.
func (d *dying) end(p *program, id uint32) {
	if count(p.file, "died") >= d.count {
		return
	}
	note(p.file, "died")
	switch d.how {
	case "exit":
	case "entered":
		p.stream(frames.Entered, id, etf.List{})
	case "partial":
		p.raw(envelope(etf.Tuple{int(frames.Pong), []byte("12345")})[:9])
	case "drain":
		p.send(frames.Drain, int(id)-1)
	default:
		panic("badport: no such end: " + d.how)
	}
	os.Exit(0)
}
