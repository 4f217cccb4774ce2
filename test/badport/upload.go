//go:build unix

package main

import (
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// upload takes a request's body under grants that follow a pattern, and holds the host to them.
type upload struct {
	pattern  []int
	turn     int
	credit   int
	bytes    int
	exceeded bool
}

// grants takes a pattern: 1-500-20. The next grant is made when the last one is used up.
func grants(p *program, id uint32, arg string) {
	u := &upload{credit: p.nextWindow}
	for _, s := range strings.Split(arg, "-") {
		u.pattern = append(u.pattern, num(s))
	}
	p.uploads[id] = u
	u.grant(p, id)
}

func (u *upload) grant(p *program, id uint32) {
	for u.credit <= 0 {
		n := u.pattern[u.turn%len(u.pattern)]
		u.turn++
		u.credit += n
		p.stream(frames.Credit, id, n)
	}
}

func (u *upload) take(p *program, f frame) {
	if f.kind == frames.Fin {
		delete(p.uploads, f.stream)
		p.stream(frames.Reply, f.stream, etf.Tuple{
			200, etf.List{field("x-exceeded", strconv.FormatBool(u.exceeded))}, itoa(u.bytes),
		})
		return
	}
	u.bytes += len(f.payload)
	u.credit -= len(f.payload)
	u.exceeded = u.exceeded || u.credit < 0 || len(f.payload) == 0 || len(f.payload) > 65536
	u.grant(p, f.stream)
}

func itoa(n int) string { return strconv.Itoa(n) }
