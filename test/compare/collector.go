package main

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/gwport/gwport/test/compare/script"
)

// A collector hears what handlers saw, by the case's id.
type collector struct {
	ln net.Listener

	mu    sync.Mutex
	cases map[string]*report
	over  map[string]bool // cases that were given up, whose handlers may still come
	last  int
	stray []string // what came of requests that no case has sent
}

// A report is what one handler tells.
type report struct {
	id      string
	entered chan struct{}
	left    chan struct{}
	facts   facts // final when left is closed

	mu    sync.Mutex
	gates map[string]*gate
}

// A gate is a place where the handler waits for the client.
type gate struct{ reached, released chan struct{} }

func newCollector(path string) (*collector, error) {
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	c := &collector{ln: ln, cases: make(map[string]*report), over: make(map[string]bool)}
	go c.accept()
	return c, nil
}

func (c *collector) accept() {
	for {
		conn, err := c.ln.Accept()
		if err != nil {
			return
		}
		go c.hear(conn)
	}
}

// hear answers each line when what it tells is noted, and a gate's when it is opened.
func (c *collector) hear(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // the handler closes it first
	lines := bufio.NewReader(conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		ops, err := script.Parse(strings.TrimSuffix(line, "\n"))
		if err != nil || len(ops) != 1 {
			return
		}
		c.note(ops[0])
		if _, err := conn.Write([]byte("ok\n")); err != nil {
			return
		}
	}
}

func (c *collector) note(op script.Op) {
	c.mu.Lock()
	r := c.cases[op.Arg(0)]
	if r == nil {
		if !c.over[op.Arg(0)] {
			c.stray = append(c.stray, op.String())
		}
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	switch op.Name {
	case "entered":
		r.mu.Lock()
		defer r.mu.Unlock()
		select {
		case <-r.entered:
			r.facts["entered"] = "twice"
		default:
			close(r.entered)
		}
	case "gate":
		g := r.gate(op.Arg(1))
		close(g.reached)
		<-g.released
	case "left":
		r.leave(op.Args[1:])
	}
}

func (r *report) leave(pairs []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := 0; i+1 < len(pairs); i += 2 {
		r.facts["saw."+pairs[i]] = pairs[i+1]
	}
	select {
	case <-r.left:
	default:
		close(r.left)
	}
}

// gate makes it for whoever comes first, handler or client.
func (r *report) gate(name string) *gate {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.gates[name]
	if g == nil {
		g = &gate{make(chan struct{}), make(chan struct{})}
		r.gates[name] = g
	}
	return g
}

// open is a new case. Ids are all of one length, so that they make no difference.
func (c *collector) open() *report {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	r := &report{
		id: fmt.Sprintf("case%08d", c.last), entered: make(chan struct{}), left: make(chan struct{}),
		facts: facts{}, gates: make(map[string]*gate),
	}
	c.cases[r.id] = r
	return r
}

// close forgets the case; handlers that are still at a gate go on.
func (c *collector) close(r *report) {
	c.mu.Lock()
	delete(c.cases, r.id)
	c.over[r.id] = true
	c.mu.Unlock()
	r.openGates()
}

// strayed tells of handlers that were entered for a request that no case has sent, but smuggled.
func (c *collector) strayed() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.stray) == 0 {
		return nil
	}
	return fmt.Errorf("compare: %d words of handlers that no case has asked, as %s", len(c.stray), c.stray[0])
}
