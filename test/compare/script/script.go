// Package script is what a case tells a handler to do, and what a handler tells the comparison: operations with
// arguments, written so that they fit into a header field and are taken apart without a parser, in Go and in Erlang.
//
//	set:X-A:1|write:hello%0A|flush
package script

import (
	"fmt"
	"strconv"
	"strings"
)

// An Op is one operation. Arguments are any bytes.
type Op struct {
	Name string
	Args []string
}

// Do makes an Op. Arguments that are no strings are printed.
func Do(name string, args ...any) Op {
	op := Op{Name: name}
	for _, arg := range args {
		op.Args = append(op.Args, fmt.Sprint(arg))
	}
	return op
}

// Arg is the argument of that number, or nothing.
func (op Op) Arg(i int) string {
	if i < len(op.Args) {
		return op.Args[i]
	}
	return ""
}

// Int is the argument of that number as a number; 0 if it is none.
func (op Op) Int(i int) int {
	n, _ := strconv.Atoi(op.Arg(i))
	return n
}

func (op Op) String() string {
	parts := []string{op.Name}
	for _, arg := range op.Args {
		parts = append(parts, escape(arg))
	}
	return strings.Join(parts, ":")
}

// Join writes operations one behind the other.
func Join(ops ...Op) string {
	parts := make([]string, len(ops))
	for i, op := range ops {
		parts[i] = op.String()
	}
	return strings.Join(parts, "|")
}

// Parse is the way back from Join.
func Parse(s string) ([]Op, error) {
	var ops []Op
	if s == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(s, "|") {
		op, err := parseOp(part)
		if err != nil {
			return nil, err
		}
		ops = append(ops, op)
	}
	return ops, nil
}

func parseOp(s string) (Op, error) {
	name, rest, has := strings.Cut(s, ":")
	op := Op{Name: name}
	if !has {
		return op, nil
	}
	for arg := range strings.SplitSeq(rest, ":") {
		plain, err := unescape(arg)
		if err != nil {
			return op, fmt.Errorf("script: %q: %w", s, err)
		}
		op.Args = append(op.Args, plain)
	}
	return op, nil
}

const hex = "0123456789ABCDEF"

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isPlain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

func isPlain(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("-_./=", c) >= 0
}

func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", fmt.Errorf("a lone %% at the end")
		}
		n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", err
		}
		b.WriteByte(byte(n))
		i += 2
	}
	return b.String(), nil
}
