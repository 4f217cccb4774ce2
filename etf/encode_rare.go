package etf

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
)

// rare is term for the kinds that most terms do not have.
func (e *termWriter) rare(dst []byte, term any, depth int) ([]byte, error) {
	if n, ok := asInt(term); ok {
		return AppendInt(dst, n), nil
	}
	switch v := term.(type) {
	case float32:
		return appendFloat(dst, float64(v), e.lax())
	case uint:
		return appendBig64(dst, 0, uint64(v)), nil // asInt has taken what is smaller
	case uint64:
		return appendBig64(dst, 0, v), nil
	case Bits:
		return appendBits(dst, v)
	case Pid:
		return appendPid(dst, v, e.lax())
	case Port:
		return appendPort(dst, v, e.lax())
	case Ref:
		return appendRef(dst, v, e.lax())
	case Export:
		return appendExport(dst, v, e.lax())
	case Raw:
		return e.raw(dst, v, depth)
	}
	return nil, fmt.Errorf("etf: cannot append a value of type %T", term)
}

func appendBigInt(dst []byte, n *big.Int) ([]byte, error) {
	if n == nil {
		return nil, errNilBig
	}
	if n.IsInt64() {
		return AppendInt(dst, n.Int64()), nil
	}
	size := (n.BitLen() + 7) / 8
	if uint64(size) > math.MaxUint32 {
		return nil, errSize
	}
	if size <= math.MaxUint8 {
		dst = append(dst, tagSmallBig, byte(size))
	} else {
		dst = appendCount(dst, tagLargeBig, size)
	}
	var sign byte
	if n.Sign() < 0 {
		sign = 1
	}
	dst = slices.Grow(append(dst, sign), size)
	digits := dst[len(dst) : len(dst)+size]
	slices.Reverse(n.FillBytes(digits))
	return dst[:len(dst)+size], nil
}

// raw looks before it copies: bytes that are no term would make garbage of the
// terms around them.
func (e *termWriter) raw(dst []byte, v Raw, depth int) ([]byte, error) {
	if e.AllowLocal && depth == 0 && v != "" && v[0] == tagLocal {
		return append(dst, v...), nil
	}
	e.keys = true // it may have maps, and be a key
	if _, err := foreign(string(v), e.lax()); err != nil {
		return nil, err
	}
	if e.Deterministic {
		term, err := ours.Decode(v.Data())
		if err != nil {
			return nil, err
		}
		return e.term(dst, term, depth)
	}
	return append(dst, v...), nil
}

// anySize is the limits of a term that the program gives itself. Its depth is
// bounded: to look for keys that are there twice costs stack.
var anySize = Limits{
	MaxBytes: math.MaxInt, MaxDepth: maxDepth, MaxTerms: math.MaxInt, MaxPairs: math.MaxInt,
	MaxAtoms: math.MaxInt, MaxBigBytes: math.MaxInt, MaxMemory: math.MaxInt,
}

// ours are the options for what has been checked, by whatever options.
var ours = Options{Limits: anySize, AllowDuplicateKeys: true, AllowNonFinite: true, AllowNonUTF8Atoms: true}

// foreign checks that s is exactly one term, without a version byte: it is to
// stand among others. pairs is how many the largest map in it has.
func foreign(s string, x lax) (pairs int, err error) {
	end, t, err := walk(s, 0, 0, &anySize, x, new(census))
	if err == nil && end != len(s) {
		err = syntax(end, msgTrailing)
	}
	return t.most, err
}

func appendBits(dst []byte, v Bits) ([]byte, error) {
	if v.Bytes == "" || v.Last < 1 || v.Last > 7 {
		return nil, errBits
	}
	if uint64(len(v.Bytes)) > math.MaxUint32 {
		return nil, errSize
	}
	dst = append(appendCount(dst, tagBitBinary, len(v.Bytes)), v.Last)
	dst = append(dst, v.Bytes...)
	dst[len(dst)-1] &= 0xff << (8 - v.Last)
	return dst, nil
}

func appendPid(dst []byte, v Pid, x lax) ([]byte, error) {
	dst, err := appendAtom(append(dst, tagNewPid), v.Node, x)
	if err != nil {
		return nil, err
	}
	dst = binary.BigEndian.AppendUint32(dst, v.ID)
	dst = binary.BigEndian.AppendUint32(dst, v.Serial)
	return binary.BigEndian.AppendUint32(dst, v.Creation), nil
}

// appendPort writes the form that OTP writes: the one that OTP 23 can read too,
// as long as the number has no more than 28 bits.
func appendPort(dst []byte, v Port, x lax) (_ []byte, err error) {
	if v.ID < 1<<28 {
		if dst, err = appendAtom(append(dst, tagNewPort), v.Node, x); err != nil {
			return nil, err
		}
		dst = binary.BigEndian.AppendUint32(dst, uint32(v.ID))
	} else {
		if dst, err = appendAtom(append(dst, tagV4Port), v.Node, x); err != nil {
			return nil, err
		}
		dst = binary.BigEndian.AppendUint64(dst, v.ID)
	}
	return binary.BigEndian.AppendUint32(dst, v.Creation), nil
}

func appendRef(dst []byte, v Ref, x lax) ([]byte, error) {
	if v.Len == 0 || v.Len == 4 || int(v.Len) > len(v.Words) {
		return nil, errRef
	}
	dst, err := appendAtom(append(dst, tagNewerRef, 0, v.Len), v.Node, x)
	if err != nil {
		return nil, err
	}
	dst = binary.BigEndian.AppendUint32(dst, v.Creation)
	for _, w := range v.Words[:v.Len] {
		dst = binary.BigEndian.AppendUint32(dst, w)
	}
	return dst, nil
}

func appendExport(dst []byte, v Export, x lax) ([]byte, error) {
	dst, err := appendAtom(append(dst, tagExport), v.Module, x)
	if err != nil {
		return nil, err
	}
	if dst, err = appendAtom(dst, v.Function, x); err != nil {
		return nil, err
	}
	return append(dst, tagSmallInt, v.Arity), nil
}

func (e *termWriter) fun(dst []byte, v Fun, depth int) ([]byte, error) {
	if len(v.Free) > maxFree {
		return nil, errFree
	}
	start := len(dst)
	dst = append(dst, tagNewFun, 0, 0, 0, 0, v.Arity)
	dst = append(dst, v.Uniq[:]...)
	dst = binary.BigEndian.AppendUint32(dst, v.Index)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(v.Free)))
	dst, err := appendAtom(dst, v.Module, e.lax())
	if err != nil {
		return nil, err
	}
	dst = AppendInt(AppendInt(dst, int64(v.OldIndex)), int64(v.OldUniq))
	if dst, err = appendPid(dst, v.Pid, e.lax()); err != nil {
		return nil, err
	}
	if dst, err = e.all(dst, v.Free, depth); err != nil {
		return nil, err
	}
	size := len(dst) - start - 1
	if uint64(size) > math.MaxUint32 {
		return nil, errSize
	}
	binary.BigEndian.PutUint32(dst[start+1:], uint32(size)) // all but the tag
	return dst, nil
}
