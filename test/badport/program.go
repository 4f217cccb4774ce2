//go:build unix

package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// program is the wire, and what has to be remembered of a stream.
type program struct {
	in   *bufio.Reader
	out  *os.File
	mu   sync.Mutex // of out
	file string     // has a line for each start and what else is to be remembered

	highest    uint32
	silent     map[uint32]bool  // their aborts are not answered
	uploads    map[uint32]taker // of their bodies
	asked      map[int64]uint32 // streams that are answered when a pong comes
	files      map[uint32]*file // the host has not answered for them
	ignoreBye  bool             // drains and the end of the input
	linger     int              // milliseconds from a drain to its end
	nextWindow int              // of ready
	tells      string           // how it answers an ask
}

// taker is who takes a request's body.
type taker interface {
	take(p *program, f frame)
}

// frame is one of the host's.
type frame struct {
	kind    frames.Kind
	stream  uint32
	payload []byte
}

func newProgram() *program {
	return &program{
		in: bufio.NewReaderSize(os.Stdin, 1<<16), out: os.Stdout, nextWindow: 65536,
		silent: map[uint32]bool{}, uploads: map[uint32]taker{}, asked: map[int64]uint32{},
		files: map[uint32]*file{},
	}
}

// serve reads until the input ends.
func (p *program) serve() {
	for {
		f, err := p.read()
		if err != nil && p.ignoreBye {
			forever()
		}
		if err != nil {
			os.Exit(0)
		}
		p.take(f)
	}
}

func (p *program) read() (frame, error) {
	var length [4]byte
	if _, err := io.ReadFull(p.in, length[:]); err != nil {
		return frame{}, err
	}
	b := make([]byte, binary.BigEndian.Uint32(length[:]))
	if _, err := io.ReadFull(p.in, b); err != nil {
		return frame{}, err
	}
	term, err := etf.Decode(b, etf.Limits{})
	must(err)
	tuple := term.(etf.Tuple)
	f := frame{kind: frames.Kind(tuple[0].(int64)), payload: []byte(tuple[len(tuple)-1].(etf.Binary))}
	if len(tuple) == 3 {
		f.stream = uint32(tuple[1].(int64))
	}
	return f, nil
}

func (f frame) term() any {
	term, err := etf.Decode(f.payload, etf.Limits{})
	must(err)
	return term
}

func (p *program) take(f frame) {
	switch f.kind {
	case frames.Ping:
		p.send(frames.Pong, f.term())
	case frames.Pong:
		if id, ok := p.asked[f.term().(int64)]; ok {
			p.stream(frames.Reply, id, ok200("pong\n"))
		}
	case frames.Fault:
		if !p.ignoreBye {
			os.Exit(1)
		}
	case frames.Drain:
		if !p.ignoreBye {
			p.send(frames.Drain, int(p.highest))
			time.Sleep(time.Duration(p.linger) * time.Millisecond)
			os.Exit(0)
		}
	case frames.Ask:
		p.evidence(f)
	case frames.Open:
		p.highest = f.stream
		p.answer(f)
	case frames.Chunk, frames.Fin:
		if u := p.uploads[f.stream]; u != nil {
			u.take(p, f)
		}
	case frames.Taken:
		if file := p.files[f.stream]; file != nil {
			delete(p.files, f.stream)
			file.taken(p, f.stream, int(f.term().(int64)))
		}
	case frames.Abort:
		delete(p.files, f.stream)
		delete(p.uploads, f.stream)
		if !p.silent[f.stream] {
			p.stream(frames.Abort, f.stream, f.term())
		}
	}
}

func (p *program) answer(f frame) {
	request := f.term().(etf.Tuple)[2].(etf.Map)
	path, _ := request.Get(etf.Binary("path"))
	name, arg := cut(strings.TrimPrefix(string(path.(etf.Binary)), "/"))
	do, ok := answers[name]
	if !ok {
		p.stream(frames.Reply, f.stream, etf.Tuple{404, etf.List{}, "badport: no such answer: " + name + "\n"})
		return
	}
	do(p, f.stream, arg)
}

// send writes a frame without a stream, stream one with it.
func (p *program) send(kind frames.Kind, payload any) {
	p.raw(envelope(etf.Tuple{int(kind), encode(payload)}))
}

func (p *program) stream(kind frames.Kind, id uint32, payload any) {
	p.payload(kind, id, encode(payload))
}

// payload writes a frame whose payload is these bytes, whatever they are.
func (p *program) payload(kind frames.Kind, id uint32, payload []byte) {
	p.raw(stream(kind, id, payload))
}

// stream is such a frame.
func stream(kind frames.Kind, id uint32, payload []byte) []byte {
	return envelope(etf.Tuple{int(kind), id, payload})
}

func (p *program) raw(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.out.Write(b)
}

func encode(term any) []byte {
	b, err := etf.Append(etf.AppendVersion(nil), term)
	must(err)
	return b
}

func envelope(term any) []byte {
	b := encode(term)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func ok200(body string) etf.Tuple { return etf.Tuple{200, etf.List{}, body} }

func field(name, value string) etf.Tuple { return etf.Tuple{name, value} }
