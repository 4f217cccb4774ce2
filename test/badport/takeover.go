//go:build unix

package main

import (
	"os"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// takesOver takes exit-1, as dies does. The program that comes behind those that it ends takes the client's connection
// over, sends back the first that comes of it, and closes it.
func takesOver(p *program, id uint32, arg string) {
	newDying(arg+"-0").end(p, id)
	p.uploads[id] = conn{}
	p.stream(frames.Takeover, id, etf.List{})
	p.stream(frames.Credit, id, 65536)
}

// takesOverAndDies does so before anybody has the connection, or is just about to.
func takesOverAndDies(p *program, id uint32, _ string) {
	note(p.file, "died")
	p.stream(frames.Takeover, id, etf.List{})
	os.Exit(0)
}

// conn is a client's connection.
type conn struct{}

func (conn) take(p *program, f frame) {
	if f.kind == frames.Chunk {
		p.payload(frames.Chunk, f.stream, f.payload)
		p.stream(frames.Abort, f.stream, etf.Tuple{frames.NoError, ""})
	}
}
