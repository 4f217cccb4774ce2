package etf

import (
	"errors"
	"math"
)

func encString(_ *encoder, dst []byte, p ptr) ([]byte, error) {
	return appendBytes(dst, *at[string](p))
}

// encCharlist writes the code points of a string as a list, as Erlang writes
// "abc".
func encCharlist(_ *encoder, dst []byte, p ptr) ([]byte, error) {
	s := *at[string](p)
	n, latin1 := 0, true
	for _, r := range s {
		n++
		latin1 = latin1 && r <= math.MaxUint8
	}
	if !validText(s) {
		return nil, errors.New("charlist of a string that is not UTF-8")
	}
	switch {
	case n == 0:
		return AppendNil(dst), nil
	case latin1 && n <= math.MaxUint16:
		dst = append(dst, tagString, byte(n>>8), byte(n))
		for _, r := range s {
			dst = append(dst, byte(r))
		}
		return dst, nil
	}
	dst = AppendList(dst, n)
	for _, r := range s {
		dst = AppendInt(dst, int64(r))
	}
	return AppendNil(dst), nil
}
