package erlanggo

import (
	"fmt"
	"math"
	"math/big"
	"reflect"

	"github.com/gwport/gwport/etf"
	"github.com/okeuday/erlang_go/v2/erlang"
)

// fromNode takes the bytes of a pid, a port, a reference or a fun apart, as erlang_go has them.
func fromNode(term any) (any, error) {
	switch term.(type) {
	case etf.Pid, etf.Port, etf.Ref, etf.Export, etf.Fun:
	default:
		return nil, fmt.Errorf("erlanggo: no term is a %T", term)
	}
	b, err := etf.Append(nil, term)
	if err != nil {
		return nil, err
	}
	end := len(b) - 4 // where the creation begins, but for a reference
	switch v := term.(type) {
	case etf.Pid:
		return erlang.OtpErlangPid{NodeTag: b[1], Node: b[2 : end-8], ID: b[end-8 : end-4], Serial: b[end-4 : end], Creation: b[end:]}, nil
	case etf.Port:
		id := end - 4
		if v.ID >= 1<<28 {
			id = end - 8
		}
		return erlang.OtpErlangPort{NodeTag: b[1], Node: b[2:id], ID: b[id:end], Creation: b[end:]}, nil
	case etf.Ref:
		id := len(b) - 4*int(v.Len)
		return erlang.OtpErlangReference{NodeTag: b[3], Node: b[4 : id-4], ID: b[id:], Creation: b[id-4 : id]}, nil
	}
	return erlang.OtpErlangFunction{Tag: b[0], Value: b[1:]}, nil
}

// toRare takes integers, and what erlang_go writes as the bytes that it has: its own codec puts those together.
func toRare(v any) (any, error) {
	switch v.(type) {
	case erlang.OtpErlangPid, erlang.OtpErlangPort, erlang.OtpErlangReference, erlang.OtpErlangFunction:
		b, err := erlang.TermToBinary(v, -1)
		if err != nil {
			return nil, fmt.Errorf("erlanggo: %w", err)
		}
		return etf.Decode(b, etf.Limits{MaxBytes: math.MaxInt, MaxDepth: maxDepth, MaxTerms: math.MaxInt})
	case erlang.OtpErlangAtomCacheRef:
		return nil, fmt.Errorf("erlanggo: a reference to an atom cache is no term without the cache")
	}
	if n, ok := v.(*big.Int); ok && n != nil {
		return smallest(n), nil
	}
	r := reflect.ValueOf(v)
	if r.IsValid() && r.Type().PkgPath() == "" && r.Type() != reflect.TypeFor[uintptr]() && r.Type() != reflect.TypeFor[uint]() {
		switch {
		case r.CanInt():
			return r.Int(), nil
		case r.CanUint():
			return smallest(new(big.Int).SetUint64(r.Uint())), nil
		}
	}
	return nil, fmt.Errorf("erlanggo: erlang_go writes no term for a %T", v)
}

// smallest is an integer as etf.Decode has it.
func smallest(n *big.Int) any {
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

func finite(f float64) (any, error) { return whole(f) }

// whole wants a value to be one that etf writes: no atom of 256 characters, no float that is not finite.
func whole(term any) (any, error) {
	if _, err := etf.Append(nil, term); err != nil {
		return nil, fmt.Errorf("erlanggo: %w", err)
	}
	return term, nil
}

func bytesList(s string) etf.List {
	list := make(etf.List, len(s))
	for i := range len(s) {
		list[i] = int64(s[i])
	}
	return list
}

// latin1 reads an atom of the old kind, a character to the byte.
func latin1(name erlang.OtpErlangAtom) (any, error) {
	runes := make([]rune, len(name))
	for i := range len(name) {
		runes[i] = rune(name[i])
	}
	return whole(etf.Atom(string(runes)))
}

func toBinary(b erlang.OtpErlangBinary) (any, error) {
	if b.Bits == 8 {
		return etf.Binary(b.Value), nil
	}
	bits, err := whole(etf.Bits{Bytes: etf.Binary(b.Value), Last: b.Bits})
	if err != nil {
		return nil, err
	}
	v := []byte(b.Value)
	v = append(v[:len(v)-1:len(v)-1], v[len(v)-1]&(0xff<<(8-b.Bits)))
	return etf.Bits{Bytes: etf.Binary(v), Last: bits.(etf.Bits).Last}, nil
}
