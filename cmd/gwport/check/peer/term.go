package peer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gwport/gwport/etf"
)

// Terms of scripts: Erlang's, where a text in quotes is a binary with Go's
// escapes, and
//
//	"ab"*3+"c"      is ababab and c
//	~"g..."         stands in the payload as it is (a pid, say), without its version byte
//	^5              is {{{{{0}}}}}, five levels
//	max_head+1      an integer, of one that the other side has announced, or of a digit's
//	pattern*100     the first bytes of a body of which the i-th is i mod 251

// Numbers tells what a name stands for.
type Numbers func(name string) (n int64, ok bool)

type termReader struct {
	rest string
	of   Numbers
}

// Term reads a term. Scripts are our own, so that a mistake in one is a bug.
func Term(text string, of Numbers) any {
	r := &termReader{strings.TrimSpace(text), of}
	term := r.term()
	if r.rest != "" {
		panic(fmt.Sprintf("script: %q behind a term in %q", r.rest, text))
	}
	return term
}

// Int64 reads an integer.
func Int64(text string, of Numbers) int64 { return Term(text, of).(int64) }

// takes skips a token, and blanks behind it, if it is there.
func (r *termReader) takes(token string) bool {
	rest, ok := strings.CutPrefix(r.rest, token)
	if ok {
		r.rest = strings.TrimLeft(rest, " ")
	}
	return ok
}

func (r *termReader) term() any {
	switch {
	case r.takes("{"):
		return etf.Tuple(r.list("}"))
	case r.takes("["):
		l := etf.List(r.list("]"))
		if n := len(l) - 2; n >= 0 && l[n] == bar {
			return etf.Improper{Elems: l[:n], Tail: l[n+1]}
		}
		return l
	case r.takes("#{"):
		m := etf.Map{}
		for !r.takes("}") {
			key := r.term()
			r.takes(":")
			m = append(m, etf.Pair{Key: key, Value: r.term()})
			r.takes(",")
		}
		return m
	case r.takes("~"):
		return etf.Raw(r.term().(etf.Binary))
	case r.takes("^"):
		term := any(0)
		for range r.number() {
			term = etf.Tuple{term}
		}
		return term
	case r.takes("true"):
		return etf.Atom("true")
	case r.takes("pattern*"):
		return etf.Binary(Pattern(0, int(r.number())))
	case strings.HasPrefix(r.rest, `"`):
		return r.text()
	}
	return r.number()
}

// bar stands between the last element of an improper list and its tail.
const bar = etf.Atom("|")

func (r *termReader) list(end string) (terms []any) {
	for !r.takes(end) {
		if r.takes("|") {
			terms = append(terms, bar)
		}
		terms = append(terms, r.term())
		r.takes(",")
	}
	return terms
}

func (r *termReader) text() (all etf.Binary) {
	for {
		all += r.quoted()
		if r.takes("+"); !strings.HasPrefix(r.rest, `"`) {
			return all
		}
	}
}

func (r *termReader) quoted() etf.Binary {
	quoted, err := strconv.QuotedPrefix(r.rest)
	if err != nil {
		panic(fmt.Sprintf("script: %v in %q", err, r.rest))
	}
	text, _ := strconv.Unquote(quoted)
	r.takes(quoted)
	if r.takes("*") {
		text = strings.Repeat(text, int(r.number()))
	}
	return etf.Binary(text)
}

// number reads a sum of integers, or a float.
func (r *termReader) number() (sum int64) {
	for sign := int64(1); ; {
		if r.takes("-") {
			sign = -1
		}
		n := strings.IndexFunc(r.rest, func(c rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz_0123456789", c) })
		if n < 0 {
			n = len(r.rest)
		}
		word := r.rest[:n]
		r.takes(word)
		value, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			var ok bool
			if value, ok = r.of(word); !ok {
				panic(fmt.Sprintf("script: no number %q before %q", word, r.rest))
			}
		}
		sum += sign * value
		sign = 1
		if strings.HasPrefix(r.rest, `+"`) || !r.takes("+") && !strings.HasPrefix(r.rest, "-") {
			return sum
		}
	}
}
