package etf

import (
	"math"
	"strings"
)

// parsed is a tuple, list or map of which the beginning has been read.
type parsed struct {
	start byte  // '{', '[' or '#'
	elems []any // of a tuple or list
	tail  any   // of a list, behind '|'
	place int   // in a list: before '|', behind it, or behind the tail
	// more is how many lists have begun as the tail of this one, and are a part of
	// it: [1|[2,3]] is [1,2,3]. ended says that one of them has ended, behind
	// which only its outer ones can.
	more   int
	ended  bool
	pairs  Map
	key    any // that has no value yet; nil: none
	inKeys int // how many keys it is within
}

const (
	inElems = iota
	atTail
	behindTail
)

// term reads a term. It goes to and fro between open, which begins terms, and
// give, which puts them into what is around them, until nothing is.
func (p *textParser) term() (any, error) {
	for {
		p.space()
		if err := p.count(1); err != nil {
			return nil, err
		}
		term, whole, err := p.begin()
		if err != nil {
			return nil, err
		}
		for whole {
			if len(p.open) == 0 {
				return term, nil
			}
			if term, whole, err = p.give(term); err != nil {
				return nil, err
			}
		}
	}
}

// begin reads a term that holds no others, or as much of one as comes before them.
func (p *textParser) begin() (term any, whole bool, err error) {
	if p.i >= len(p.s) {
		return nil, false, p.expected("a term")
	}
	switch c := p.s[p.i]; {
	case c == '{':
		p.i++
		return p.enter('{', "}", Tuple{})
	case c == '[':
		p.i++
		return p.enterList()
	case c == '#':
		return p.enterMap()
	}
	term, err = p.simple()
	return term, true, err
}

// enter opens a term, unless it ends at once.
func (p *textParser) enter(start byte, end string, empty any) (term any, whole bool, err error) {
	if p.space(); p.next(end) {
		return empty, true, nil
	}
	if len(p.open) == p.lim.MaxDepth {
		return nil, false, &LimitError{"MaxDepth", p.lim.MaxDepth, len(p.open) + 1, 0}
	}
	p.open = append(p.open, parsed{start: start, inKeys: p.inKeys()})
	return nil, false, nil
}

// enterList has a list that is another's tail continue that one, so that lists
// written cell by cell, [1|[2|[3]]], take neither depth nor time for copies.
func (p *textParser) enterList() (term any, whole bool, err error) {
	if len(p.open) > 0 {
		o := &p.open[len(p.open)-1]
		if o.start == '[' && o.place == atTail {
			if p.space(); p.next("]") {
				return emptyList, true, nil
			}
			o.more++
			o.place = inElems
			return nil, false, nil
		}
	}
	return p.enter('[', "]", emptyList)
}

func (p *textParser) enterMap() (term any, whole bool, err error) {
	at := p.i
	p.i++
	for _, name := range []string{"Pid<", "Port<", "Ref<", "Fun<", "Invalid<"} {
		if strings.HasPrefix(p.s[p.i:], name) {
			return nil, false, faultf(at, "#%s...> is no term that can be read: it means something only to the node it comes from", name)
		}
	}
	if p.space(); !p.next("{") {
		return nil, false, p.expected(`"{" of a map`)
	}
	if p.inKeys() > maxKeysInKeys {
		return nil, false, &LimitError{"maps as keys within keys", maxKeysInKeys, maxKeysInKeys + 1, 0}
	}
	return p.enter('#', "}", Map{})
}

// maxKeysInKeys bounds how often a key is looked at for being in its map twice:
// once for each map of which it is, or is within, a key.
const maxKeysInKeys = 64

// inKeys is how many keys what begins here would be within.
func (p *textParser) inKeys() int {
	if len(p.open) == 0 {
		return 0
	}
	o := &p.open[len(p.open)-1]
	if o.start == '#' && o.key == nil {
		return o.inKeys + 1
	}
	return o.inKeys
}

// give puts a whole term where it belongs, and reads what is behind it. If that
// is the end of what is around it, the latter is the next whole term.
func (p *textParser) give(term any) (around any, whole bool, err error) {
	o := &p.open[len(p.open)-1]
	p.space()
	switch o.start {
	case '{':
		o.elems = append(o.elems, term)
		if p.next(",") {
			return nil, false, nil
		}
		if !p.next("}") {
			return nil, false, p.expected(`"," or "}"`)
		}
		around = Tuple(o.elems)
	case '[':
		if whole, err = p.giveList(o, term); err != nil || !whole {
			return nil, false, err
		}
		around = o.list()
	default:
		if whole, err = p.giveMap(o, term); err != nil || !whole {
			return nil, false, err
		}
		around = o.pairs
	}
	p.open[len(p.open)-1] = parsed{}
	p.open = p.open[:len(p.open)-1]
	return around, true, nil
}

func (p *textParser) giveList(o *parsed, term any) (whole bool, err error) {
	if o.place == atTail {
		o.tail, o.place = term, behindTail
	} else {
		o.elems = append(o.elems, term)
		if p.next(",") {
			return false, nil
		}
		if strings.HasPrefix(p.s[p.i:], "||") {
			return false, faultf(p.i, `expected ",", "|" or "]", found "||": a list comprehension is no term`)
		}
		if p.next("|") {
			o.place = atTail
			return false, nil
		}
	}
	for ; o.more >= 0; o.more-- {
		if p.space(); !p.next("]") {
			if o.place == inElems && !o.ended {
				return false, p.expected(`",", "|" or "]"`)
			}
			return false, p.expected(`"]"`)
		}
		o.ended = true
	}
	return true, nil
}

// list is the list that has been read. A tail that is a list is its end.
func (o *parsed) list() any {
	switch tail := o.tail.(type) {
	case nil:
		return List(o.elems)
	case List:
		return List(append(o.elems, tail...))
	}
	return Improper{o.elems, o.tail}
}

func (p *textParser) giveMap(o *parsed, term any) (whole bool, err error) {
	if o.key == nil {
		o.key = term
		if !p.next("=>") {
			return false, p.expected(`"=>"`)
		}
		return false, nil
	}
	if len(o.pairs) == p.lim.MaxPairs {
		return false, &LimitError{"MaxPairs", p.lim.MaxPairs, len(o.pairs) + 1, 0}
	}
	o.pairs = append(o.pairs, Pair{o.key, term})
	o.key = nil
	if p.next(",") {
		return false, nil
	}
	if !p.next("}") {
		return false, p.expected(`"," or "}"`)
	}
	return true, keyTwice(o.pairs, p.i)
}

// keyTwice looks for a key that is in a map twice, which erl_parse lets pass.
func keyTwice(m Map, at int) error {
	if len(m) < 2 {
		return nil
	}
	all := sorter{left: math.MaxInt} // Parse makes no term that is in another twice
	sorted := all.pairs(m)
	for i := range sorted[1:] {
		if compareTerms(sorted[i].Key, sorted[i+1].Key, 0) == 0 {
			return faultf(at, "key %s is in the map that ends here twice", AppendText(nil, sorted[i].Key, TextOptions{MaxBytes: 40}))
		}
	}
	return nil
}
