package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gwport/gwport/test/compare/cases"
	"github.com/gwport/gwport/test/compare/script"
)

// hungAfter is how long nothing may come before that is the verdict.
const hungAfter = 5 * time.Second

// goneAfter is how long a handler's temporary files may still be there when its case is over.
const goneAfter = 2 * time.Second

// A contestant is a server that the cases are sent to.
type contestant struct {
	name       string
	clear, tls string // addresses
}

func (c *contestant) address(transport string) string {
	if transport == cases.H1 || transport == cases.H2C {
		return c.clear
	}
	return c.tls
}

// A wire is a connection that carries one case's request, and one more behind it.
type wire interface {
	head()        // sends the request's head
	body(n int)   // ... n bytes of its body; all that is left, and its end, if n is negative
	readHead()    // reads the response's head
	readBody(int) // ... so many bytes of its body, all if negative
	inform() bool // reads an informational response; false: another came
	send()        // the head and the body
	pipeline(id string, do ...script.Op)
	next(id string) string
	written() // waits until all of it is sent
	hold()    // takes no more than it must
	half()    // ends what it sends
	reset()   // gives up this request
	leave()   // closes the connection
	seen() *answer
	local() string
}

// exchange runs one case with one contestant and returns all there is to compare.
func exchange(c *cases.Case, transport string, to contestant, at *collector) facts {
	report := at.open()
	defer at.close(report)
	w, err := open(c, transport, to, report.id)
	if err != nil {
		return facts{"end": "no connection: " + err.Error()}
	}
	defer w.leave()
	acts := c.Client
	if acts == nil {
		acts = cases.Whole
	}
	x := &acting{w: w, report: report, at: at}
	for _, act := range acts {
		if !x.act(act) {
			break
		}
	}
	if x.behind != nil {
		defer at.close(x.behind)
	}
	f := w.seen().facts()
	if x.isGone {
		f = facts{} // how much it had by then is chance
	}
	if x.missed != "" {
		f["client"] = x.missed
	}
	saw(f, report, w.local(), to.address(transport))
	return f
}

// saw adds what the handler tells; one that was entered is waited for.
func saw(f facts, r *report, client, server string) {
	select {
	case <-r.entered:
	default:
		f["handler"] = "not entered"
		return
	}
	r.openGates()
	select {
	case <-r.left:
		f["handler"] = "returned"
	case <-time.After(hungAfter):
		f["handler"] = "never returned"
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, value := range r.facts {
		f[name] = value
	}
	if f["saw.remoteaddr"] == client {
		f["saw.remoteaddr"] = "the client"
	}
	if f["saw.localaddr"] == server {
		f["saw.localaddr"] = "the server"
	}
	if files, ok := f["saw.files"]; ok {
		f["saw.files"] = left(files)
	}
}

// left tells whether temporary files stay.
func left(files string) string {
	if files == "" {
		return "none"
	}
	names := strings.Split(files, "\n")
	for end := time.Now().Add(goneAfter); ; time.Sleep(10 * time.Millisecond) {
		stay := 0
		for _, name := range names {
			if _, err := os.Stat(name); err == nil {
				stay++
			}
		}
		switch {
		case stay == 0:
			return "gone"
		case time.Now().After(end):
			return fmt.Sprintf("%d stay", stay)
		}
	}
}

// acting is a case's client on its way.
type acting struct {
	w      wire
	report *report
	at     *collector
	behind *report // of the request behind it
	missed string  // an event that never came
	isGone bool    // it has left
}

// act does one thing; it returns false where the rest of the case makes no sense.
func (x *acting) act(op script.Op) bool {
	switch op.Name {
	case "send":
		x.w.send()
	case "head":
		x.w.head()
	case "part":
		x.w.body(op.Int(0))
	case "rest":
		x.w.body(-1)
	case "readhead":
		x.w.readHead()
	case "take":
		x.w.readBody(op.Int(0))
	case "finish":
		x.w.readBody(-1)
	case "inform":
		x.w.inform()
	case "told":
		if x.w.inform() {
			x.w.body(-1)
		}
	case "pipeline":
		x.behind = x.at.open()
		do := script.Do("write", "next")
		if len(op.Args) > 0 {
			do = script.Op{Name: "bytes", Args: op.Args}
		}
		x.w.pipeline(x.behind.id, do)
	case "next":
		x.next()
	case "sent":
		x.w.written()
	case "hold":
		x.w.hold()
	case "half":
		x.w.half()
	case "reset":
		x.isGone = true
		x.w.reset()
	case "leave":
		x.isGone = true
		x.w.leave()
	case "await":
		return x.await(op.Arg(0))
	case "release":
		x.report.gate(op.Arg(0)).open()
	default:
		panic("compare: the client knows no " + op.Name)
	}
	return true
}

// next asks for one thing more, where the first answer was whole.
func (x *acting) next() {
	if x.behind == nil {
		x.behind = x.at.open()
	}
	if a := x.w.seen(); a.end == "whole" {
		a.next = x.w.next(x.behind.id)
	}
}

func (x *acting) await(event string) bool {
	var reached <-chan struct{}
	switch event {
	case "entered":
		reached = x.report.entered
	case "left":
		reached = x.report.left
	default:
		reached = x.report.gate(event).reached
	}
	select {
	case <-reached:
		return true
	case <-time.After(hungAfter):
		x.missed = "no " + event
		return false
	}
}

func (g *gate) open() {
	select {
	case <-g.released:
	default:
		close(g.released)
	}
}

// openGates lets a handler go on that its client has left behind.
func (r *report) openGates() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range r.gates {
		g.open()
	}
}

func open(c *cases.Case, transport string, to contestant, id string) (wire, error) {
	conn, err := connect(transport, to)
	if err != nil {
		return nil, err
	}
	switch transport {
	case cases.H1, cases.TLSH1:
		return newH1(conn, c, id), nil
	}
	return newH2(conn, c, id, transport == cases.TLSH2)
}

func connect(transport string, to contestant) (net.Conn, error) {
	dialer := net.Dialer{Timeout: hungAfter}
	protocol := "http/1.1"
	switch transport {
	case cases.H1, cases.H2C:
		return dialer.Dial("tcp", to.clear)
	case cases.TLSH2:
		protocol = "h2"
	}
	conn, err := tls.DialWithDialer(&dialer, "tcp", to.tls, &tls.Config{
		InsecureSkipVerify: true, ServerName: serverName, NextProtos: []string{protocol}, //nolint:gosec // our own certificate
	})
	if err != nil {
		return nil, err
	}
	if got := conn.ConnectionState().NegotiatedProtocol; got != protocol {
		return nil, fmt.Errorf("compare: %q was negotiated, and not %q", got, protocol)
	}
	return conn, nil
}

const serverName = "example.test"

// endOf is what the end of a connection means for a response that is not whole.
func endOf(err error) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "hung"
	}
	return "cut"
}
