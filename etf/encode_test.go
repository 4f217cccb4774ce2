package etf_test

import (
	"encoding/hex"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// largest is what the largest uint becomes, which has 32 or 64 bits.
func largest() any {
	n := new(big.Int).SetUint64(math.MaxUint)
	if n.IsInt64() {
		return n.Int64()
	}
	return n
}

func TestAppendTakesGoKinds(t *testing.T) {
	for _, c := range []struct {
		term any
		same any
	}{
		{int(-7), int64(-7)},
		{int8(-7), int64(-7)},
		{int16(-7), int64(-7)},
		{int32(-7), int64(-7)},
		{uint(7), int64(7)},
		{uint8(7), int64(7)},
		{uint16(7), int64(7)},
		{uint32(math.MaxUint32), int64(math.MaxUint32)},
		{uint64(math.MaxInt64), int64(math.MaxInt64)},
		{uint64(math.MaxUint64), new(big.Int).SetUint64(math.MaxUint64)},
		{uint(math.MaxUint), largest()},
		{big.NewInt(7), int64(7)},
		{float32(0.5), 0.5},
		{"abc", etf.Binary("abc")},
		{[]byte("abc"), etf.Binary("abc")},
		{true, etf.Atom("true")},
		{false, etf.Atom("false")},
		{etf.List{1, uint8(2)}, etf.List{int64(1), int64(2)}},
		{etf.List(nil), etf.List{}},
		{etf.Tuple(nil), etf.Tuple{}},
		{etf.Map(nil), etf.Map{}},
	} {
		data, err := etf.Append(etf.AppendVersion(nil), c.term)
		require.NoError(t, err)
		got, err := etf.Decode(data, etf.Limits{})
		require.NoError(t, err)
		require.Equal(t, c.same, got)
	}
}

func TestAppendRefuses(t *testing.T) {
	itself := make(etf.List, 1)
	itself[0] = itself
	for name, term := range map[string]any{
		"nil":                       nil,
		"another type":              struct{}{},
		"a Go map":                  map[string]any{},
		"a Go slice":                []any{1},
		"an error within":           etf.Tuple{1, etf.List{nil}},
		"a key":                     etf.Map{{Key: nil, Value: 1}},
		"a value":                   etf.Map{{Key: 1, Value: nil}},
		"not a number":              math.NaN(),
		"infinity":                  float32(math.Inf(-1)),
		"a nil *big.Int":            (*big.Int)(nil),
		"an atom of 256":            etf.Atom(strings.Repeat("a", 256)),
		"an atom of 256, UTF-8":     etf.Atom(strings.Repeat("é", 256)),
		"an atom of 64 KiB":         etf.Atom(strings.Repeat("a", 1<<16)),
		"an atom not UTF-8":         etf.Atom("\xff"),
		"no Raw":                    etf.Raw(""),
		"a Raw too short":           etf.Raw("a"),
		"a Raw too long":            etf.Raw("jj"),
		"a Raw with a version":      etf.Raw("\x83j"),
		"an Improper of none":       etf.Improper{Tail: 1},
		"an Improper with a list":   etf.Improper{Elems: etf.List{1}, Tail: etf.List{2}},
		"an Improper in another":    etf.Improper{Elems: etf.List{1}, Tail: etf.Improper{Elems: etf.List{1}, Tail: 2}},
		"an Improper without Tail":  etf.Improper{Elems: etf.List{1}},
		"an Improper with bad ones": etf.Improper{Elems: etf.List{nil}, Tail: 1},
		"a Ref of no words":         etf.Ref{Node: "n"},
		"a Ref of four words":       etf.Ref{Node: "n", Len: 4},
		"a Ref of six words":        etf.Ref{Node: "n", Len: 6},
		"a Fun of 256 values":       etf.Fun{Free: repeat(256, etf.List{})},
		"a Ref without a node":      etf.Ref{Node: "\xff", Len: 1},
		"a Bits of nothing":         etf.Bits{Last: 1},
		"a Bits of whole bytes":     etf.Bits{Bytes: "a", Last: 8},
		"a Bits of no bits":         etf.Bits{Bytes: "a"},
		"a key twice":               etf.Map{{Key: etf.Atom("a"), Value: 1}, {Key: etf.Atom("a"), Value: 2}},
		"a key twice, two Go kinds": etf.Map{{Key: "a", Value: 1}, {Key: etf.Binary("a"), Value: 2}},
		"a key twice, a list":       etf.Tuple{etf.Map{{Key: etf.List{1}, Value: 1}, {Key: etf.List{int64(1)}, Value: 2}}},
		"a list within itself":      itself,
	} {
		t.Run(name, func(t *testing.T) {
			dst := []byte("kept")
			out, err := etf.Append(dst, term)
			require.Error(t, err)
			require.True(t, strings.HasPrefix(err.Error(), "etf: "), err.Error())
			require.Equal(t, "kept", string(out))
		})
	}
}

// The order of terms, with all integers before all floats, within keys and values
// and in what a Raw holds. Erlang's own bytes are asked for in test/gwport_etf_tests.erl.
func TestDeterministicOrderIsThatOfTerms(t *testing.T) {
	inner := etf.Map{{Key: etf.Binary("b"), Value: 1}, {Key: etf.Atom("a"), Value: 2}}
	raw := etf.Raw(mustAppend(inner)[1:])
	sorted := etf.Map{
		{Key: 7, Value: 3},
		{Key: 1.5, Value: 2},
		{Key: etf.Atom("z"), Value: 1},
		{Key: etf.Tuple{etf.Map{inner[1], inner[0]}}, Value: etf.Map{inner[1], inner[0]}},
	}
	mixed := etf.Map{{Key: etf.Tuple{inner}, Value: raw}, {Key: etf.Atom("z"), Value: 1}, {Key: 1.5, Value: 2}, {Key: 7, Value: 3}}
	want := mustAppend(sorted)
	got, err := etf.Options{Deterministic: true}.Append(etf.AppendVersion(nil), mixed)
	require.NoError(t, err)
	require.Equal(t, want, got)
	got, err = etf.Options{Deterministic: true}.Marshal(mixed)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NotEqual(t, want, mustAppend(mixed))
	got, err = etf.Options{Deterministic: true, AllowLocal: true}.Marshal(etf.Raw("y...."))
	require.NoError(t, err)
	require.Equal(t, "\x83y....", string(got))
}

// It would be looked at for ever if only one of its ways down ended.
func TestDeterministicRefusesAKeyThatHoldsItselfTwice(t *testing.T) {
	itself := etf.List{nil, nil}
	itself[0], itself[1] = itself, itself
	_, err := etf.Options{Deterministic: true}.Append(nil, etf.Map{{Key: itself, Value: 1}, {Key: 2, Value: 3}})
	require.Equal(t, &etf.LimitError{Limit: "depth", Max: 65536, Got: 65537}, err)
}

func TestDeterministicStructsAndGoMaps(t *testing.T) {
	v := struct {
		Z, A int
		M    map[etf.Atom]int
	}{1, 2, map[etf.Atom]int{"long": 1, "b": 2}}
	got, err := etf.Options{Deterministic: true}.AppendMarshal([]byte("kept"), v)
	require.NoError(t, err)
	m := etf.Map{{Key: etf.Atom("b"), Value: 2}, {Key: etf.Atom("long"), Value: 1}}
	want := etf.Map{{Key: etf.Atom("a"), Value: 2}, {Key: etf.Atom("m"), Value: m}, {Key: etf.Atom("z"), Value: 1}}
	require.Equal(t, append([]byte("kept"), mustAppend(want)...), got)
}

func TestAppendDepthPassesAndOneMoreFails(t *testing.T) {
	deep := func(n int) any {
		var term any = int64(1)
		for range n {
			term = etf.Tuple{term}
		}
		return term
	}
	_, err := etf.Append(nil, deep(1<<16))
	require.NoError(t, err)
	_, err = etf.Append(nil, deep(1<<16+1))
	require.Equal(t, &etf.LimitError{Limit: "depth", Max: 1 << 16, Got: 1<<16 + 1}, err)
}

func TestHeadersOnBothSidesOfTheirForms(t *testing.T) {
	for want, got := range map[string][]byte{
		"68ff":              etf.AppendTuple(nil, 255),
		"6900000100":        etf.AppendTuple(nil, 256),
		"6a":                etf.AppendList(nil, 0),
		"6c00000001":        etf.AppendList(nil, 1),
		"7400000000":        etf.AppendMap(nil, 0),
		"77047472" + "7565": etf.AppendBool(nil, true),
		"6d000000026f6b":    etf.AppendBinary(nil, []byte("ok")),
		"6d00000001" + "6f": etf.AppendBinary(nil, etf.Binary("o")),
	} {
		require.Equal(t, want, hex.EncodeToString(got))
	}
}

func TestCountsOf32BitsPassAndOneMorePanics(t *testing.T) {
	if strconv.IntSize == 32 {
		t.Skip("an int has no more")
	}
	max := uint64(math.MaxUint32) // a variable, which 32-bit compilers accept
	require.Equal(t, "i\xff\xff\xff\xff", string(etf.AppendTuple(nil, int(max))))
	require.Panics(t, func() { etf.AppendTuple(nil, int(max+1)) })
}

func TestCountsThatDoNotFitPanic(t *testing.T) {
	for _, f := range []func(){
		func() { etf.AppendTuple(nil, -1) },
		func() { etf.AppendList(nil, -1) },
		func() { etf.AppendMap(nil, -1) },
		func() { etf.AppendAtom(nil, strings.Repeat("a", 1<<16)) },
	} {
		require.Panics(t, f)
	}
}

func TestAppendFunctionsDoNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 1024)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		b := etf.AppendTuple(etf.AppendVersion(dst), 3)
		b = etf.AppendInt(b, 200)
		b = etf.AppendList(b, 1)
		b = etf.AppendTuple(b, 2)
		b = etf.AppendBinary(b, "content-type")
		b = etf.AppendBinary(b, dst[:10])
		b = etf.AppendNil(b)
		etf.AppendBool(b, true)
	}))
}

func TestMapGet(t *testing.T) {
	m := etf.Map{
		{Key: etf.List{int64(1)}, Value: 1},
		{Key: etf.Binary("a"), Value: 2},
		{Key: etf.Binary("a"), Value: 3},
	}
	v, ok := m.Get(etf.Binary("a"))
	require.True(t, ok)
	require.Equal(t, 2, v)
	v, ok = m.Get(etf.List{int64(1)})
	require.True(t, ok)
	require.Equal(t, 1, v)
	_, ok = m.Get(etf.Atom("a"))
	require.False(t, ok)
}
