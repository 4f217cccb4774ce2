package etf

import (
	"encoding/binary"
	"math"
)

// AppendVersion appends the byte that every term begins with, once.
func AppendVersion(dst []byte) []byte {
	return append(dst, version)
}

// AppendTuple appends the header of a tuple. The caller appends arity terms.
// It panics if arity is negative or does not fit into 32 bits.
func AppendTuple(dst []byte, arity int) []byte {
	if 0 <= arity && arity <= math.MaxUint8 {
		return append(dst, tagSmallTuple, byte(arity))
	}
	return appendCount(dst, tagLargeTuple, arity)
}

// AppendList appends the header of a list of n elements. The caller appends n
// terms, and then the end with [AppendNil] - but not for n == 0, where the
// header is the whole list. It panics as AppendTuple does.
func AppendList(dst []byte, n int) []byte {
	if n == 0 {
		return AppendNil(dst)
	}
	return appendCount(dst, tagList, n)
}

// AppendNil appends the empty list, which is also the end of every other.
func AppendNil(dst []byte) []byte {
	return append(dst, tagNil)
}

// AppendMap appends the header of a map of n pairs. The caller appends n times
// a key and a value, no key twice. It panics as AppendTuple does.
func AppendMap(dst []byte, n int) []byte {
	return appendCount(dst, tagMap, n)
}

// AppendBinary appends a binary. It panics if v has 4 GiB or more.
func AppendBinary[T ~string | ~[]byte](dst []byte, v T) []byte {
	n := len(v)
	if uint64(n) > math.MaxUint32 {
		panic(msgPanic)
	}
	return append(append(dst, tagBinary, byte(n>>24), byte(n>>16), byte(n>>8), byte(n)), v...)
}

// AppendInt appends an integer in the shortest form, as Erlang does.
func AppendInt(dst []byte, n int64) []byte {
	switch {
	case 0 <= n && n <= math.MaxUint8:
		return append(dst, tagSmallInt, byte(n))
	case math.MinInt32 <= n && n <= math.MaxInt32:
		return binary.BigEndian.AppendUint32(append(dst, tagInt), uint32(n))
	case n < 0:
		return appendBig64(dst, 1, -uint64(n))
	}
	return appendBig64(dst, 0, uint64(n))
}

func appendBig64(dst []byte, sign byte, u uint64) []byte {
	at := len(dst)
	dst = append(dst, tagSmallBig, 0, sign)
	for ; u > 0; u >>= 8 {
		dst = append(dst, byte(u))
	}
	dst[at+1] = byte(len(dst) - at - 3)
	return dst
}

// AppendFloat appends a float. It must be finite: Erlang has no other, and
// refuses the whole term. [Append] checks.
func AppendFloat(dst []byte, f float64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, tagNewFloat), math.Float64bits(f))
}

// AppendAtom appends an atom in UTF-8, which every OTP since 16 reads. The name
// must be UTF-8 of at most 255 characters, or the reader refuses the term;
// [Append] checks. Names are for the program to choose, never for its peers:
// Erlang does not collect atoms. It panics if the name has 64 KiB or more.
func AppendAtom(dst []byte, name string) []byte {
	if len(name) <= math.MaxUint8 {
		return append(append(dst, tagSmallAtomUTF8, byte(len(name))), name...)
	}
	if len(name) > math.MaxUint16 {
		panic("etf: atom's name is too long for the format")
	}
	return append(append(dst, tagAtomUTF8, byte(len(name)>>8), byte(len(name))), name...)
}

// AppendBool appends the atom true or false.
func AppendBool(dst []byte, b bool) []byte {
	if b {
		return AppendAtom(dst, "true")
	}
	return AppendAtom(dst, "false")
}

// appendCount appends a tag and a number of 32 bits. The panic is for a bug in
// the program, as make's is for a negative length: a header with a wrong number
// would make garbage of all that follows.
func appendCount(dst []byte, tag byte, n int) []byte {
	if n < 0 || uint64(n) > math.MaxUint32 {
		panic(msgPanic)
	}
	return binary.BigEndian.AppendUint32(append(dst, tag), uint32(n))
}

const msgPanic = "etf: count does not fit the format"
