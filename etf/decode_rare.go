package etf

import "strings"

// rare is term for the tags that most terms do not have.
func (d *termReader) rare() any {
	s, i := d.s, d.i
	switch s[i] {
	case tagAtom, tagSmallAtom, tagAtomUTF8:
		return d.atom(d.name())
	case tagSmallBig, tagLargeBig:
		d.i, _, _ = scan(s, i, laxAll)
		return bigAt(s, i, d.i).value()
	case tagFloat:
		d.i = i + 32
		f, _ := parseFloat(s, i)
		return f
	case tagBitBinary:
		return d.bits()
	case tagPid, tagNewPid:
		return d.pid()
	case tagPort, tagNewPort, tagV4Port:
		return d.port()
	case tagRef, tagNewRef, tagNewerRef:
		return d.ref()
	case tagExport:
		return d.export()
	case tagNewFun:
		return d.fun()
	}
	d.i = len(s) // LOCAL_EXT, which says nothing about itself
	return Raw(s[i:])
}

// value is the integer as Decode has it.
func (b bigInt) value() any {
	if len(b.digits) <= 8 {
		if n, err := b.int64(0); err == nil {
			return n
		}
	}
	return b.big()
}

// name reads an atom in any of its forms.
func (d *termReader) name() string {
	r := Reader{data: d.s, off: d.i, lax: laxAll}
	name, _ := r.Atom()
	d.i = r.off
	return name
}

// number reads an integer of so many bytes.
func (d *termReader) number(size int) (n uint64) {
	for range size {
		n = n<<8 | uint64(d.s[d.i])
		d.i++
	}
	return n
}

// bits is a Binary where all bits of the last byte count: to Erlang that is the
// same term.
func (d *termReader) bits() any {
	n, last := int(be32(d.s, d.i+1)), d.s[d.i+5]
	d.i += 6 + n
	bytes := d.s[d.i-n : d.i]
	if n == 0 || last == 8 {
		return Binary(bytes)
	}
	return Bits{Binary(maskLast(bytes, last)), last}
}

// maskLast clears the bits that do not count.
func maskLast(bytes string, last uint8) string {
	end := len(bytes) - 1
	b := bytes[end] & (0xff << (8 - last))
	if b == bytes[end] {
		return bytes
	}
	var out strings.Builder
	out.Grow(len(bytes))
	out.WriteString(bytes[:end])
	out.WriteByte(b)
	return out.String()
}

// creationSize is 1 in the forms from before OTP 23.
func creationSize(tag byte) int {
	switch tag {
	case tagPid, tagPort, tagRef, tagNewRef:
		return 1
	}
	return 4
}

func (d *termReader) pid() Pid {
	tag := d.s[d.i]
	d.i++
	return Pid{
		Node:     Atom(d.name()),
		ID:       uint32(d.number(4)),
		Serial:   uint32(d.number(4)),
		Creation: uint32(d.number(creationSize(tag))),
	}
}

func (d *termReader) port() Port {
	tag, size := d.s[d.i], 4
	if tag == tagV4Port {
		size = 8
	}
	d.i++
	return Port{
		Node:     Atom(d.name()),
		ID:       d.number(size),
		Creation: uint32(d.number(creationSize(tag))),
	}
}

func (d *termReader) ref() Ref {
	tag := d.s[d.i]
	d.i++
	if tag == tagRef { // the one form that has its number before its creation
		r := Ref{Node: Atom(d.name()), Len: 1}
		r.Words[0] = uint32(d.number(4))
		r.Creation = uint32(d.number(1))
		return r
	}
	r := Ref{Len: uint8(d.number(2))}
	r.Node = Atom(d.name())
	r.Creation = uint32(d.number(creationSize(tag)))
	for j := range r.Len {
		r.Words[j] = uint32(d.number(4))
	}
	return r
}

func (d *termReader) export() Export {
	d.i++
	e := Export{Module: Atom(d.name()), Function: Atom(d.name())}
	e.Arity = d.s[d.i+1]
	d.i += 2
	return e
}

func (d *termReader) fun() Fun {
	d.i += 5 // the tag, and a size, which says nothing new
	f := Fun{Arity: uint8(d.number(1))}
	d.i += copy(f.Uniq[:], d.s[d.i:])
	f.Index = uint32(d.number(4))
	free := int(d.number(4))
	f.Module = Atom(d.name())
	f.OldIndex = d.small()
	f.OldUniq = d.small()
	f.Pid = d.pid()
	f.Free = List(d.all(free))
	return f
}

// small reads one of the two integers in a fun, which are of one byte or four.
func (d *termReader) small() int32 {
	size := 4
	if d.s[d.i] == tagSmallInt {
		size = 1
	}
	d.i++
	return int32(d.number(size))
}
