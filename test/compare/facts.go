package main

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"strings"

	"github.com/gwport/gwport/test/compare/cases"
)

// facts are all that is compared of one exchange, by name: what the client saw, and with "saw." before the name what
// the handler did.
type facts map[string]string

// An answer is a response as its bytes or frames told it.
type answer struct {
	informs  []headOf
	head     headOf
	body     bodySum
	trailers []cases.Field
	end      string // whole, cut, reset, hung
	framing  string // length, chunked, close, frames, none; or what is wrong with it
	next     string
}

type headOf struct {
	status, reason string
	fields         []cases.Field
}

// bodySum is a body of any length.
type bodySum struct {
	n    int
	head []byte
	sum  hash.Hash
}

// shown is how much of a body stands in a report.
const shown = 200

func (b *bodySum) Write(p []byte) (int, error) {
	if b.sum == nil {
		b.sum = sha256.New()
	}
	b.n += len(p)
	b.head = append(b.head, p[:min(len(p), shown-min(shown, len(b.head)))]...)
	return b.sum.Write(p)
}

func (b *bodySum) String() string {
	if b.n <= shown {
		return fmt.Sprintf("%q", b.head)
	}
	return fmt.Sprintf("%d bytes %x", b.n, b.sum.Sum(nil)[:8])
}

// What belongs to the connection or to the server's own business.
var notCompared = []string{
	"date", "server", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "content-length",
}

func (a *answer) facts() facts {
	f := facts{"end": a.end, "next": a.next}
	for i, h := range a.informs {
		f.head(fmt.Sprintf("inform%d.", i+1), h)
	}
	if a.head.status == "" {
		return f
	}
	f.head("", a.head)
	f["body"] = a.body.String()
	f["framing"] = a.framing
	for name, value := range joined(a.trailers) {
		f["trailer."+name] = value
	}
	return f
}

func (f facts) head(prefix string, h headOf) {
	f[prefix+"status"] = h.status
	if h.reason != "" {
		f[prefix+"reason"] = h.reason
	}
	fields := joined(h.fields)
	for name, value := range fields {
		if !slices.Contains(notCompared, name) {
			f[prefix+"field."+name] = value
		}
	}
	if prefix == "" {
		_, f["date"] = hasField(fields, "date")
	}
	if length, ok := fields["content-length"]; ok {
		f[prefix+"length"] = length
	}
}

func hasField(fields map[string]string, name string) (bool, string) {
	_, ok := fields[name]
	return ok, fmt.Sprint(ok)
}

// joined is fields of one name as one, but for cookies, whose values keep apart.
func joined(fields []cases.Field) map[string]string {
	all := make(map[string]string)
	for _, field := range fields {
		name := strings.ToLower(field.Name)
		before, has := all[name]
		switch {
		case name == "set-cookie":
			all[name] = before + fmt.Sprintf("[%s]", field.Value)
		case has:
			all[name] = before + ", " + field.Value
		default:
			all[name] = field.Value
		}
	}
	return all
}

// A difference is a fact by both servers. "-" stands for one that is not there.
type difference struct{ name, want, got string }

// diff compares what gwport did with what net/http did.
func diff(want, got facts) []difference {
	names := make(map[string]bool)
	for name := range want {
		names[name] = true
	}
	for name := range got {
		names[name] = true
	}
	var all []difference
	for name := range names {
		d := difference{name, want.get(name), got.get(name)}
		if d.want != d.got && !isAllowed(d, want, got) {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b difference) int { return strings.Compare(a.name, b.name) })
	return all
}

func (f facts) get(name string) string {
	if v, ok := f[name]; ok {
		return v
	}
	return "-"
}

// decisive is what is compared of requests that only one of the two has answered, or taken.
var decisive = []string{"handler", "status", "end", "next"}

// isAllowed tells of what may differ.
//
// A body need only be delimited rightly, whichever way; but where net/http says its length, so must gwport. Of a request
// that one of them has refused, or given no answer at all, the rest of the other's answer is its own business. An error
// of net/http's that is nobody's in particular may be one that is.
func isAllowed(d difference, want, got facts) bool {
	const refused = "not entered"
	isOne := want["handler"] == refused || got["handler"] == refused
	isSaw := strings.HasPrefix(d.name, "saw.")
	switch {
	case isOne || !isSaw && (want.get("status") == "-") != (got.get("status") == "-"):
		return !slices.Contains(decisive, d.name)
	case d.name == "body" && want["end"] != "whole" && got["end"] != "whole":
		return !strings.HasPrefix(d.want, `"`) && d.got != "-" // how much of a large one came is chance
	case d.name == "framing":
		return isRight(d.want) && isRight(d.got)
	case d.name == "length":
		return d.want == "-" && isRight(got["framing"])
	case d.name == "saw.files":
		return d.got == "gone" // net/http leaves them when a handler panics
	case isSaw:
		return want["handler"] != got["handler"] || isVague(d)
	}
	return false
}

func isVague(d difference) bool {
	if d.got == strings.Replace(d.want, "unexpected EOF", "wraps unexpected EOF", 1) {
		return true // and says why
	}
	result, ok := strings.CutSuffix(d.want, "an error")
	return ok && strings.HasPrefix(d.got, result) && !strings.HasSuffix(d.got, "nil")
}

func isRight(framing string) bool {
	return slices.Contains([]string{"length", "chunked", "frames", "close"}, framing)
}
