package etf

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"unicode/utf8"
)

// TextOptions say how [AppendText] prints a term. The zero value prints all of
// it, in Latin-1's characters.
type TextOptions struct {
	// Unicode prints as "~0tp" does in an Erlang started with +pc unicode: atoms,
	// strings and binaries in UTF-8 are text whatever their characters. Without
	// it, as with "~0p", only the characters of Latin-1 are: lists and binaries
	// with others are printed as numbers, and those of atoms as \x{400}.
	Unicode bool

	// MaxDepth is how many tuples, lists and maps within each other are printed.
	// What lies in those below is printed as "...", as in {1,[...]}. Empty ones
	// and strings are no level. The default is 65536, which is also the most.
	MaxDepth int

	// MaxBytes is how long the text may be, in bytes; one that is longer is cut
	// and ends with "...". The default is no bound, for 0 and less; 1 and 2 are
	// taken as 3.
	MaxBytes int
}

// Text is the term as [AppendText] prints it without options.
func Text(term any) string {
	return string(AppendText(nil, term, TextOptions{}))
}

// AppendText appends a term as Erlang's syntax writes it, on one line and in
// UTF-8. It takes what [Append] takes; the section "Text" of the package's
// comment says what becomes of what. What is no term is printed as
// #Invalid<...>, with the reason.
//
// Time is linear in the length of the text, but for maps, whose keys are sorted,
// and integers of more than some thousand digits. Depth costs stack only within
// the keys of maps, down to 65536 levels. A term that contains itself should have
// MaxBytes, or a MaxDepth of few levels: with either, maps are sorted until the
// keys have had 1048576 terms in all, and those behind stay in the order they have.
func AppendText(dst []byte, term any, opts TextOptions) []byte {
	p := printer{dst: dst, start: len(dst), unicode: opts.Unicode, depth: opts.MaxDepth, limit: max(opts.MaxBytes, 0)}
	p.sorter.left = math.MaxInt
	if opts.MaxDepth > 0 || opts.MaxBytes > 0 {
		p.sorter.left = mostInKeys
	}
	if p.depth <= 0 || p.depth > maxDepth {
		p.depth = maxDepth
	}
	if p.limit > 0 {
		p.limit = max(p.limit, len(dots))
	}
	p.term(term)
	for len(p.open) > 0 && p.room() > 0 {
		p.next()
	}
	return p.cut()
}

const dots = "..."

// mostInKeys is how many terms within keys are looked at to sort maps, where the
// text has a bound: what has none of its own then ends as well.
const mostInKeys = 1 << 20

// printer is one term on its way into dst. The tuples, lists and maps that have
// begun and not ended are in open, so that their number costs no stack.
type printer struct {
	dst     []byte
	start   int // where the text begins
	limit   int // 0: none
	depth   int
	unicode bool
	open    []opened
	sorter  sorter
}

// opened is a tuple, list or map that is being printed.
type opened struct {
	elems []any     // of a tuple and a list
	pairs sortedMap // of a map
	at    int       // what comes next: an element; in a map, the key and the value of a pair by turns
	tail  any       // of an improper list
	end   string
}

// room is how many bytes may still be printed, and one more, by which cut sees
// that there were too many.
func (p *printer) room() int {
	if p.limit == 0 {
		return math.MaxInt
	}
	return p.limit + 1 - (len(p.dst) - p.start)
}

// cut shortens a text that is too long; it does not end inside a character.
func (p *printer) cut() []byte {
	if p.room() > 0 {
		return p.dst
	}
	end := p.start + p.limit - len(dots)
	for end > p.start && !utf8.RuneStart(p.dst[end]) {
		end--
	}
	return append(p.dst[:end], dots...)
}

// next prints what comes next in the innermost term.
func (p *printer) next() {
	o := &p.open[len(p.open)-1]
	at := o.at
	o.at++
	switch {
	case at < len(o.elems):
		p.comma(at)
		p.term(o.elems[at])
	case at/2 < len(o.pairs) && at%2 == 0:
		p.comma(at)
		p.term(o.pairs[at/2].Key)
	case at/2 < len(o.pairs):
		p.dst = append(p.dst, " => "...)
		p.term(o.pairs[at/2].Value)
	case o.tail != nil:
		p.dst = append(p.dst, '|')
		tail := o.tail
		o.tail = nil
		p.term(tail)
	default:
		p.dst = append(p.dst, o.end...)
		p.open = p.open[:len(p.open)-1]
	}
}

func (p *printer) comma(at int) {
	if at > 0 {
		p.dst = append(p.dst, ',')
	}
}

// term prints a term, or as much of one that holds others as comes before them.
func (p *printer) term(term any) {
	if n, ok := asInt(term); ok {
		p.dst = strconv.AppendInt(p.dst, n, 10)
		return
	}
	switch v := term.(type) {
	case Atom:
		p.atom(string(v))
	case bool:
		p.dst = strconv.AppendBool(p.dst, v)
	case Binary:
		p.binary(string(v))
	case string:
		p.binary(v)
	case []byte:
		p.binary(string(v))
	case float64:
		p.float(v)
	case float32:
		p.float(float64(v))
	case uint:
		p.dst = strconv.AppendUint(p.dst, uint64(v), 10)
	case uint64:
		p.dst = strconv.AppendUint(p.dst, v, 10)
	case *big.Int:
		p.big(v)
	default:
		p.rare(term)
	}
}

func (p *printer) holder(term any) {
	switch v := term.(type) {
	case Tuple:
		p.begin("{", opened{elems: v, end: "}"})
	case List:
		p.list(v)
	case Improper:
		if v.Tail == nil || len(v.Elems) == 0 {
			p.invalid("improper list without elements or a tail")
			return
		}
		p.begin("[", opened{elems: v.Elems, tail: v.Tail, end: "]"})
	case Map:
		// A map that is not going to be printed need not be sorted.
		pairs := sortedMap(v)
		if len(p.open) < p.depth {
			pairs = p.sorter.pairs(v)
		}
		p.begin("#{", opened{pairs: pairs, end: "}"})
	case sortedMap:
		p.begin("#{", opened{pairs: v, end: "}"})
	default:
		p.invalid(fmt.Sprintf("value of type %T", term))
	}
}

// begin prints how a term begins, or all of it, if it is below the last level.
func (p *printer) begin(start string, o opened) {
	p.dst = append(p.dst, start...)
	switch {
	case len(o.elems)+len(o.pairs) == 0:
		p.dst = append(p.dst, o.end...)
	case len(p.open) == p.depth:
		p.dst = append(append(p.dst, dots...), o.end...)
	default:
		p.open = append(p.open, o)
	}
}

func (p *printer) list(v List) {
	if len(v) == 0 || !p.isText(v) {
		p.begin("[", opened{elems: v, end: "]"})
		return
	}
	p.dst = append(p.dst, '"')
	for _, e := range v {
		if p.room() <= 0 {
			return
		}
		n, _ := asInt(e)
		p.character(rune(n), '"')
	}
	p.dst = append(p.dst, '"')
}

// isText tells whether a list is printed as a string.
func (p *printer) isText(v List) bool {
	for _, e := range v {
		if n, ok := asInt(e); !ok || n < 0 || n > utf8.MaxRune || !p.isPrintable(rune(n)) {
			return false
		}
	}
	return true
}

func (p *printer) big(n *big.Int) {
	if n == nil {
		p.invalid("nil *big.Int")
		return
	}
	p.dst = n.Append(p.dst, 10)
}

func (p *printer) invalid(why string) {
	p.dst = append(append(append(p.dst, "#Invalid<"...), why...), '>')
}
