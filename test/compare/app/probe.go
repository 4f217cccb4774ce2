package main

import (
	"bufio"
	"fmt"
	"net"
	"sync"

	"github.com/gwport/gwport/test/compare/script"
)

// A probe is the way by which a handler tells the comparison what it saw, beside the response. Every word is answered,
// so that the comparison knows of it before the client can know what follows.
type probe struct {
	id   string
	conn net.Conn
	in   *bufio.Reader

	talk  sync.Mutex // one word at a time
	mu    sync.Mutex
	facts []any
}

func dial(socket, id string) (*probe, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("compare: the collector: %w", err)
	}
	return &probe{id: id, conn: conn, in: bufio.NewReader(conn)}, nil
}

func (p *probe) close() { _ = p.conn.Close() }

// saw notes something to be told at the end.
func (p *probe) saw(name, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.facts = append(p.facts, name, value)
}

func (p *probe) entered() { p.say("entered") }

func (p *probe) left() {
	p.mu.Lock()
	facts := p.facts
	p.mu.Unlock()
	p.say("left", facts...)
}

// gate tells that the handler has come so far, and waits until it may go on.
func (p *probe) gate(name string) { p.say("gate", name) }

func (p *probe) say(word string, args ...any) {
	p.talk.Lock()
	defer p.talk.Unlock()
	op := script.Do(word, append([]any{p.id}, args...)...)
	if _, err := fmt.Fprintln(p.conn, op); err != nil {
		return // the comparison has given the case up
	}
	_, _ = p.in.ReadString('\n')
}
