package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gwport/gwport/test/compare/cases"
	"github.com/gwport/gwport/test/compare/script"
)

// mostCalled is the largest body of a request that goes along a line of text.
const mostCalled = 2048

// isCallable tells whether gwport:request/2 can say the case's request: it has no say in how bytes are sent, nor in
// what a client does meanwhile.
func isCallable(c *cases.Case) bool {
	isPath := c.Target == "" || c.Target == "*" || strings.HasPrefix(c.Target, "/")
	return isPath && !c.Heavy && c.Raw == "" && c.Host != "-" && c.Pseudo == nil && c.Client == nil && c.Proto == "" && !c.Body.Chunked &&
		c.Body.Declared == "" && len(c.Body.Trailers) == 0 && len(c.Body.Bytes()) <= mostCalled
}

// hear hands on the answers to calls.
func (p *process) hear() {
	for {
		select {
		case op := <-p.words:
			p.mu.Lock()
			to := p.answers[op.Arg(0)]
			delete(p.answers, op.Arg(0))
			p.mu.Unlock()
			if to != nil {
				to <- op
			}
		case <-p.ended:
			return
		}
	}
}

// call is exchange by gwport:request/2.
func (s *servers) call(c *cases.Case) facts {
	report := s.at.open()
	defer s.at.close(report)
	to := make(chan script.Op, 1)
	s.erl.mu.Lock()
	s.erl.answers[report.id] = to
	_, err := fmt.Fprintln(s.erl.stdin, callOf(c, report.id))
	s.erl.mu.Unlock()
	if err != nil {
		return facts{"end": err.Error()}
	}
	var f facts
	select {
	case op := <-to:
		f = called(op)
	case <-time.After(hungAfter):
		f = facts{"end": "hung"}
	}
	saw(f, report, "127.0.0.1:0", "127.0.0.1:0")
	return f
}

func callOf(c *cases.Case, id string) script.Op {
	path, query := cut(or(c.Target, "/"))
	args := []string{id, or(c.Method, "GET"), path, query, string(c.Body.Bytes())}
	if c.Host != "-" {
		args = append(args, "host", or(c.Host, serverName))
	}
	args = append(args, "x-case", id, "x-do", script.Join(c.Do...))
	for _, f := range c.Fields {
		args = append(args, f.Name, strings.Trim(f.Value, " \t")) // as whoever reads it from a line
	}
	return script.Op{Name: "call", Args: args}
}

func cut(target string) (path, query string) {
	for i := range len(target) {
		if target[i] == '?' {
			return target[:i], target[i+1:]
		}
	}
	return target, ""
}

func called(op script.Op) facts {
	if op.Arg(1) != "ok" {
		return facts{"end": op.Arg(2)}
	}
	a := answer{end: "whole", framing: "length", next: "served"}
	a.head.status = op.Arg(2)
	_, _ = a.body.Write([]byte(op.Arg(3)))
	for pair := range slices.Chunk(op.Args[4:], 2) {
		a.head.fields = append(a.head.fields, cases.Field{Name: pair[0], Value: pair[1]})
	}
	return a.facts()
}

// uncalled takes away what a caller without HTTP has no part in: how the body is delimited, the phrase, the date and
// the trailers. Of a response that is not whole, or of a refusal, it is told no more than that.
func uncalled(f facts) facts {
	if f["handler"] == "not entered" {
		return facts{"end": "refused"}
	}
	if f["end"] != "whole" {
		f = maps.Collect(func(yield func(string, string) bool) {
			for name, value := range f {
				if strings.HasPrefix(name, "saw.") || name == "handler" {
					yield(name, value)
				}
			}
		})
		f["end"] = "not whole"
		return f
	}
	maps.DeleteFunc(f, func(name, _ string) bool {
		return slices.Contains([]string{"framing", "reason", "date", "length", "next"}, name) ||
			strings.HasPrefix(name, "inform") || strings.HasPrefix(name, "trailer.")
	})
	return f
}
