package etf

import "strconv"

// The terms that have no Go value but one of this package: pids, ports,
// references, funs and bit strings; and what is not decoded yet.

func (p *printer) rare(term any) {
	switch v := term.(type) {
	case Bits:
		p.bits(v)
	case Pid:
		p.ofNode("#Pid<", v.Node, uint64(v.ID), uint64(v.Serial))
	case Port:
		p.ofNode("#Port<", v.Node, v.ID)
	case Ref:
		p.ref(v)
	case Export:
		p.export(v)
	case Fun:
		p.dst = append(p.dst, "#Fun<"...)
		p.atom(string(v.Module))
		p.dst = strconv.AppendInt(append(p.dst, '.'), int64(v.OldIndex), 10)
		p.dst = strconv.AppendInt(append(p.dst, '.'), int64(v.OldUniq), 10)
		p.dst = append(p.dst, '>')
	case Raw:
		decoded, ok := v.decode()
		if !ok {
			p.invalid("Raw that is not one term")
			return
		}
		p.term(decoded)
	default:
		p.holder(term)
	}
}

// decode returns the value that Decode has for the term.
func (r Raw) decode() (term any, ok bool) {
	term, err := ours.Decode(r.Data())
	return term, err == nil
}

// ofNode prints what a node has numbered.
func (p *printer) ofNode(start string, node Atom, numbers ...uint64) {
	p.dst = append(p.dst, start...)
	p.atom(string(node))
	for _, n := range numbers {
		p.dst = strconv.AppendUint(append(p.dst, '.'), n, 10)
	}
	p.dst = append(p.dst, '>')
}

// ref prints a reference, the last of its words first, as Erlang does.
func (p *printer) ref(r Ref) {
	if int(r.Len) > len(r.Words) {
		p.invalid("Ref of more words than it has")
		return
	}
	var numbers []uint64
	for i := int(r.Len) - 1; i >= 0; i-- {
		numbers = append(numbers, uint64(r.Words[i]))
	}
	p.ofNode("#Ref<", r.Node, numbers...)
}

func (p *printer) export(e Export) {
	p.dst = append(p.dst, "fun "...)
	p.atom(string(e.Module))
	p.dst = append(p.dst, ':')
	p.atom(string(e.Function))
	p.dst = strconv.AppendUint(append(p.dst, '/'), uint64(e.Arity), 10)
}

func (p *printer) bits(b Bits) {
	n := len(b.Bytes) - 1
	if n < 0 || b.Last < 1 || b.Last > 7 {
		p.invalid("Bits without a part of a byte")
		return
	}
	p.dst = append(p.dst, "<<"...)
	p.numbers(string(b.Bytes[:n]))
	p.comma(n)
	p.dst = strconv.AppendUint(p.dst, uint64(b.Bytes[n]>>(8-b.Last)), 10)
	p.dst = strconv.AppendUint(append(p.dst, ':'), uint64(b.Last), 10)
	p.dst = append(p.dst, ">>"...)
}
