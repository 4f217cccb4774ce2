package main

import (
	"fmt"
	"net/http"

	"github.com/gwport/gwport/test/compare/script"
)

// The fields that tell the handler which case it serves and what to do. Both are hidden from the case.
const (
	caseField = "X-Case"
	doField   = "X-Do"
)

// handler does what the request's script says, whatever its target is, and reports what it saw.
type handler struct{ socket string }

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, err := dial(h.socket, r.Header.Get(caseField))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer p.close()
	ops, err := script.Parse(r.Header.Get(doField))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer p.left()
	p.sawRequest(r)
	p.entered()
	run := &run{w: w, r: r, p: p}
	run.do(ops)
	p.saw("end", "returned")
}

// A run is one script on its way.
type run struct {
	w      http.ResponseWriter
	r      *http.Request
	p      *probe
	prefix string // of what it saw, inside of another handler
}

func (x *run) do(ops []script.Op) {
	for i, op := range ops {
		f, ok := operations[op.Name]
		if !ok {
			panic("compare: no operation " + op.Name)
		}
		if saw := f(x, op); saw != "" {
			x.p.saw(fmt.Sprintf("%sop%d.%s", x.prefix, i+1, op.Name), saw)
		}
	}
}

// handler is a script as a handler inside of another.
func (x *run) handler(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ops, err := script.Parse(s)
		if err != nil {
			panic(err)
		}
		(&run{w: w, r: r, p: x.p, prefix: x.prefix + "inner."}).do(ops)
	})
}

type operation func(*run, script.Op) string

var operations = map[string]operation{}

// register adds a file's operations to the table.
func register(more map[string]operation) bool {
	for name, f := range more {
		if operations[name] != nil {
			panic("compare: two operations " + name)
		}
		operations[name] = f
	}
	return true
}
