package etf

import (
	"math"
	"strconv"
)

// Pids, ports, references, funs and bit strings are printed from the form that
// they have in the format.

// raw prints a Raw.
func (p *printer) raw(s string) {
	r := Reader{data: s}
	if r.Skip() != nil || r.End() != nil {
		p.invalid("Raw that is not one term")
		return
	}
	switch s[0] {
	case tagBitBinary:
		p.bits(s)
	case tagPid, tagNewPid:
		p.ofNode("#Pid<", s, 1, 4, 4)
	case tagPort, tagNewPort:
		p.ofNode("#Port<", s, 1, 4)
	case tagV4Port:
		p.ofNode("#Port<", s, 1, 8)
	case tagRef:
		p.ofNode("#Ref<", s, 1, 4)
	case tagNewRef, tagNewerRef:
		p.ref(s)
	case tagExport:
		p.export(s)
	case tagNewFun:
		p.fun(s)
	default:
		p.decoded(s)
	}
}

// decoded prints a Raw of a term that has a Go value of its own.
func (p *printer) decoded(s string) {
	term, ok := Raw(s).decode()
	if !ok {
		p.invalid("Raw that cannot be decoded")
		return
	}
	p.term(term)
}

// decode returns the value that Decode has for the term.
func (r Raw) decode() (term any, ok bool) {
	const all = math.MaxInt
	term, err := Decode(append(AppendVersion(nil), r...), Limits{all, all, all, all, all, all, all})
	return term, err == nil
}

// ofNode prints the name of the node, which stands at s[at], and the numbers of
// the given sizes behind it.
func (p *printer) ofNode(start, s string, at int, sizes ...int) {
	r := Reader{data: s, off: at}
	node, _ := r.Atom()
	p.dst = append(p.dst, start...)
	p.atom(node)
	at = r.off
	for _, size := range sizes {
		number := uint64(be32(s, at))
		if size == 8 {
			number = be64(s, at)
		}
		p.dst = strconv.AppendUint(append(p.dst, '.'), number, 10)
		at += size
	}
	p.dst = append(p.dst, '>')
}

// ref prints a reference, the last of its words first, as Erlang does.
func (p *printer) ref(s string) {
	r := Reader{data: s, off: 3}
	node, _ := r.Atom()
	p.dst = append(p.dst, "#Ref<"...)
	p.atom(node)
	at := len(s)
	for range be16(s, 1) {
		at -= 4
		p.dst = strconv.AppendUint(append(p.dst, '.'), uint64(be32(s, at)), 10)
	}
	p.dst = append(p.dst, '>')
}

func (p *printer) export(s string) {
	r := Reader{data: s, off: 1}
	module, _ := r.Atom()
	function, _ := r.Atom()
	arity, _ := r.Int()
	p.dst = append(p.dst, "fun "...)
	p.atom(module)
	p.dst = append(p.dst, ':')
	p.atom(function)
	p.dst = strconv.AppendInt(append(p.dst, '/'), arity, 10)
}

// fun prints a fun as its module and the numbers by which the module knows it.
func (p *printer) fun(s string) {
	r := Reader{data: s, off: 1 + 4 + 1 + 16 + 4 + 4} // behind tag, size, arity, uniq, index, free variables
	module, _ := r.Atom()
	index, _ := r.Int()
	uniq, _ := r.Int()
	p.dst = append(p.dst, "#Fun<"...)
	p.atom(module)
	p.dst = strconv.AppendInt(append(p.dst, '.'), index, 10)
	p.dst = strconv.AppendInt(append(p.dst, '.'), uniq, 10)
	p.dst = append(p.dst, '>')
}

// bits prints a bit string; one of whole bytes is a binary.
func (p *printer) bits(s string) {
	bytes, bits := s[6:], s[5]
	if bits == 0 || bits == 8 {
		p.binary(bytes)
		return
	}
	whole, last := bytes[:len(bytes)-1], bytes[len(bytes)-1]
	p.dst = append(p.dst, "<<"...)
	p.numbers(whole)
	p.comma(len(whole))
	p.dst = strconv.AppendUint(p.dst, uint64(last>>(8-bits)), 10)
	p.dst = strconv.AppendUint(append(p.dst, ':'), uint64(bits), 10)
	p.dst = append(p.dst, ">>"...)
}
