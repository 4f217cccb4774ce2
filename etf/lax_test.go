package etf_test

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// A noTerm is bytes that no Erlang reads, and that an option lets pass.
type noTerm struct {
	data    string // without the version byte
	value   any
	allowed etf.Options
	refused string
}

const (
	nanBits   = "\x7f\xf8\x00\x00\x00\x00\x00\x01"
	otherNaN  = "\xff\xf8\x00\x00\x00\x00\x00\x02"
	infBits   = "\x7f\xf0\x00\x00\x00\x00\x00\x00"
	badAtom   = "w\x02a\xe9"
	badNumber = "\x00\x00\x00\x01"
	noFinite  = "float that is not finite"
	noUTF8    = "atom that is not UTF-8"
)

var (
	nonFinite = etf.Options{AllowNonFinite: true}
	nonUTF8   = etf.Options{AllowNonUTF8Atoms: true}
	badName   = etf.Atom("a\xe9")
	badPid    = etf.Pid{Node: badName, ID: 1, Serial: 1, Creation: 1}
)

var noTerms = map[string]noTerm{
	"infinity":       {"F" + infBits, math.Inf(1), nonFinite, noFinite},
	"minus infinity": {"F\xff" + infBits[1:], math.Inf(-1), nonFinite, noFinite},
	"atom":           {badAtom, badName, nonUTF8, noUTF8},
	"many bytes":     {"w\xff" + rep(255, "\xe9"), etf.Atom(rep(255, "\xe9")), nonUTF8, noUTF8},
	"more bytes":     {"v\x01\xfd" + rep(254, "é") + "\xe9", etf.Atom(rep(254, "é") + "\xe9"), nonUTF8, noUTF8},
	"pid":            {"X" + badAtom + badNumber + badNumber + badNumber, badPid, nonUTF8, noUTF8},
	"port":           {"Y" + badAtom + badNumber + badNumber, etf.Port{Node: badName, ID: 1, Creation: 1}, nonUTF8, noUTF8},
	"large port": {
		"x" + badAtom + badNumber + badNumber + badNumber, etf.Port{Node: badName, ID: 1<<32 + 1, Creation: 1}, nonUTF8, noUTF8,
	},
	"reference": {
		"Z\x00\x01" + badAtom + badNumber + badNumber, etf.Ref{Node: badName, Creation: 1, Words: [5]uint32{1}, Len: 1}, nonUTF8, noUTF8,
	},
	"module":   {"q" + badAtom + "w\x01fa\x02", etf.Export{Module: badName, Function: "f", Arity: 2}, nonUTF8, noUTF8},
	"function": {"qw\x01m" + badAtom + "a\x02", etf.Export{Module: "m", Function: badName, Arity: 2}, nonUTF8, noUTF8},
	"fun": {
		"p\x00\x00\x00\x37\x01" + rep(16, "u") + badNumber + "\x00\x00\x00\x01" + badAtom + "a\x00a\x00" +
			"X" + badAtom + badNumber + badNumber + badNumber + "j",
		etf.Fun{Module: badName, Arity: 1, Uniq: [16]byte([]byte(rep(16, "u"))), Index: 1, Pid: badPid, Free: etf.List{etf.List{}}},
		nonUTF8, noUTF8,
	},
}

// What is no term to Erlang is an error, wherever it stands, and its own option alone has it read and written.
func TestFloatsAndAtomsThatErlangHasNotAreForOptions(t *testing.T) {
	for name, c := range noTerms {
		for place, around := range map[string]func(string) (string, any){
			"alone":   func(s string) (string, any) { return s, c.value },
			"in list": func(s string) (string, any) { return "l\x00\x00\x00\x01" + s + "j", etf.List{c.value} },
			"a key": func(s string) (string, any) {
				return "t\x00\x00\x00\x02" + s + "a\x01a\x02a\x03", etf.Map{{Key: c.value, Value: int64(1)}, {Key: int64(2), Value: int64(3)}}
			},
			"in a key": func(s string) (string, any) {
				return "t\x00\x00\x00\x02a\x02a\x03h\x01" + s + "a\x01", etf.Map{{Key: int64(2), Value: int64(3)}, {Key: etf.Tuple{c.value}, Value: int64(1)}}
			},
		} {
			t.Run(name+" "+place, func(t *testing.T) {
				data, value := around(c.data)
				requireRefused(t, "\x83"+data, value, c.refused)
				requireAllowed(t, c.allowed, "\x83"+data, value)
			})
		}
	}
}

func requireRefused(t *testing.T, data string, value any, why string) {
	t.Helper()
	other := etf.Options{AllowNonFinite: why != noFinite, AllowNonUTF8Atoms: why != noUTF8}
	for _, o := range []etf.Options{{}, other} {
		require.ErrorContains(t, o.Valid(data), why)
		_, err := o.Decode([]byte(data))
		require.Equal(t, o.Valid(data), err)
		require.ErrorContains(t, o.Unmarshal([]byte(data), new(any)), why)
		require.ErrorContains(t, o.Unmarshal([]byte(data), new(etf.RawTerm)), why)
		require.ErrorContains(t, etf.NewDecoder(bytes.NewReader([]byte(data)), etf.Bare).Decode(new(any)), why)
		r, err := o.NewReader(data)
		require.NoError(t, err)
		require.ErrorContains(t, r.Skip(), why)
		_, err = o.Append(nil, value)
		require.Error(t, err)
		_, err = o.Append(nil, etf.Raw(data[1:]))
		require.ErrorContains(t, err, why)
		_, err = o.Marshal(value)
		require.Error(t, err)
		_, err = o.Marshal(etf.RawTerm(data[1:]))
		require.ErrorContains(t, err, why)
	}
}

func requireAllowed(t *testing.T, o etf.Options, data string, value any) {
	t.Helper()
	require.NoError(t, o.Valid(data))
	term, err := decodeBoth(t, o, data)
	require.NoError(t, err)
	require.Equal(t, value, term)
	term, n, err := o.DecodeFirst([]byte(data + "x"))
	require.NoError(t, err)
	require.Equal(t, value, term)
	require.Equal(t, len(data), n)
	var dynamic any
	require.NoError(t, o.Unmarshal([]byte(data), &dynamic))
	require.Equal(t, value, dynamic)
	var raw etf.RawTerm
	require.NoError(t, o.Unmarshal([]byte(data), &raw))
	require.Equal(t, data, string(raw.Data()))
	require.Equal(t, data, string(etf.Raw(raw).Data()))
	for _, v := range []any{value, raw, etf.Raw(raw)} {
		out, err := o.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, data, string(out))
	}
	for _, v := range []any{value, etf.Raw(raw)} {
		out, err := o.Append([]byte("\x83"), v)
		require.NoError(t, err)
		require.Equal(t, data, string(out))
	}
	o.Deterministic = true
	require.NoError(t, o.Unmarshal(requireMarshal(t, o, value), &dynamic))
	require.Equal(t, requireMarshal(t, o, value), requireMarshal(t, o, etf.Raw(raw)))
	for _, packet := range []etf.Packet{etf.Bare, etf.Packet2} {
		var stream bytes.Buffer
		in, out := etf.NewDecoder(&stream, packet), etf.NewEncoder(&stream, packet)
		in.Options, out.Options = o, o
		require.NoError(t, out.Encode(value))
		require.NoError(t, in.Decode(new(any)))
	}
	r, err := o.NewReader(data)
	require.NoError(t, err)
	require.NoError(t, r.Skip())
	require.NoError(t, r.End())
	require.Contains(t, etf.Text(value), "#Invalid<")
}

func requireMarshal(t *testing.T, o etf.Options, v any) []byte {
	t.Helper()
	out, err := o.Marshal(v)
	require.NoError(t, err)
	return out
}

// NaN is not equal to itself, so that it has a test of its own.
func TestNaNHasTheBitsThatItHad(t *testing.T) {
	var list []float64
	data := "\x83l\x00\x00\x00\x02F" + nanBits + "F" + otherNaN + "j"
	require.ErrorContains(t, etf.Unmarshal([]byte(data), &list), "at byte 6, in [0]: "+noFinite)
	require.NoError(t, nonFinite.Unmarshal([]byte(data), &list))
	require.Equal(t, []uint64{0x7ff8000000000001, 0xfff8000000000002}, []uint64{math.Float64bits(list[0]), math.Float64bits(list[1])})
	require.Equal(t, data, string(requireMarshal(t, nonFinite, list)))
	_, err := etf.Marshal(list)
	require.EqualError(t, err, "etf: in [0]: "+noFinite)

	var small []float32
	require.NoError(t, nonFinite.Unmarshal([]byte("\x83l\x00\x00\x00\x02F"+infBits+"F"+nanBits+"j"), &small))
	require.True(t, math.IsInf(float64(small[0]), 1))
	require.True(t, math.IsNaN(float64(small[1])))
	require.Len(t, requireMarshal(t, nonFinite, small), 25)

	r, err := nonFinite.NewReader(data)
	require.NoError(t, err)
	_, err = r.List()
	require.NoError(t, err)
	f, err := r.Float()
	require.NoError(t, err)
	require.True(t, math.IsNaN(f))
}

// NaNs of the same bits are a key that is there twice, and of others they are in one order.
func TestNaNAsAKey(t *testing.T) {
	key := func(first, second string) string {
		return "\x83t\x00\x00\x00\x02F" + first + "a\x01F" + second + "a\x02"
	}
	require.ErrorContains(t, nonFinite.Valid(key(nanBits, nanBits)), "key that is in its map twice at offset 17")
	require.NoError(t, nonFinite.Valid(key(nanBits, otherNaN)))
	o := nonFinite
	o.Deterministic = true
	var last string
	for _, data := range []string{key(nanBits, otherNaN), key(otherNaN, nanBits)} {
		var m etf.Map
		require.NoError(t, o.Unmarshal([]byte(data), &m))
		for i := range m {
			m[i].Value = int64(0)
		}
		out := string(requireMarshal(t, o, m))
		require.NotEqual(t, last == "", last == out)
		last = out
		for _, into := range []any{new(map[float64]int), new(map[any]any), new(map[struct {
			_ struct{} `etf:",tuple"`
			F float64
		}]int)} {
			require.Error(t, o.Unmarshal([]byte(data), into))
		}
		require.ErrorContains(t, o.Unmarshal([]byte(data), new(map[float64]int)), "key that no Go map can have")
	}
	require.NoError(t, o.Unmarshal([]byte(key(infBits, "\xff"+infBits[1:])), new(map[float64]int)))
}

// Names are read as they are where a program knows what they are.
func TestAtomsOfAnyBytesInGoValues(t *testing.T) {
	type pair struct {
		_    struct{} `etf:",tuple"`
		Atom etf.Atom
		Text string
	}
	data := []byte("\x83h\x02" + badAtom + badAtom)
	var p pair
	o := etf.Options{AllowNonUTF8Atoms: true, AnyString: true, AllowInvalidUTF8: true}
	require.NoError(t, o.Unmarshal(data, &p))
	require.Equal(t, pair{Atom: badName, Text: string(badName)}, p)
	o.AllowInvalidUTF8 = false
	require.ErrorContains(t, o.Unmarshal(data, &p), "at byte 7, in text: text that is not UTF-8 where a Go string is wanted")

	var m map[string]int
	key := []byte("\x83t\x00\x00\x00\x01" + badAtom + "a\x01")
	require.NoError(t, etf.Options{AllowNonUTF8Atoms: true, AllowInvalidUTF8: true}.Unmarshal(key, &m))
	require.Equal(t, map[string]int{string(badName): 1}, m)
	require.ErrorContains(t, o.Unmarshal(key, &m), "text that is not UTF-8")
	require.NoError(t, nonUTF8.Unmarshal(key, new(struct{ Name string })))

	require.ErrorContains(t, nonUTF8.Valid("\x83v\x01\x00"+rep(256, "\xe9")), "atom of more than 255 characters")
	_, err := nonUTF8.Append(nil, etf.Atom(rep(256, "\xe9")))
	require.EqualError(t, err, "etf: name that no atom can have")
}

// selfRead reads an atom and a float by itself.
type selfRead struct {
	name  string
	value float64
}

func (s *selfRead) ReadETF(r *etf.Reader) (err error) {
	if _, err = r.Tuple(); err != nil {
		return err
	}
	if s.name, err = r.Atom(); err == nil {
		s.value, err = r.Float()
	}
	return err
}

// selfWritten writes what it is.
type selfWritten string

func (s selfWritten) AppendETF(dst []byte) ([]byte, error) { return append(dst, s...), nil }

func TestMethodsOfAProgramHaveTheOptionsOfTheTerm(t *testing.T) {
	both := etf.Options{AllowNonFinite: true, AllowNonUTF8Atoms: true}
	data := "\x83h\x02" + badAtom + "F" + infBits
	var s selfRead
	require.NoError(t, both.Unmarshal([]byte(data), &s))
	require.Equal(t, selfRead{string(badName), math.Inf(1)}, s)
	require.Error(t, nonUTF8.Unmarshal([]byte(data), &s))
	require.Error(t, nonFinite.Unmarshal([]byte(data), &s))
	require.Equal(t, data, string(requireMarshal(t, both, selfWritten(data[1:]))))
	_, err := nonFinite.Marshal(selfWritten(data[1:]))
	require.ErrorContains(t, err, noUTF8)
}

func TestTheAtomForNilIsOneThatAnAtomCanBe(t *testing.T) {
	for _, c := range []struct {
		name etf.Atom
		ok   bool
	}{{etf.Atom(rep(255, "é")), true}, {etf.Atom(rep(256, "é")), false}, {etf.Atom(rep(1<<16, "a")), false}, {badName, false}} {
		out, err := etf.Options{Nil: c.name}.Marshal((*int)(nil))
		if c.ok {
			require.NoError(t, err)
			require.NoError(t, etf.Valid(out, etf.Limits{}))
			continue
		}
		require.EqualError(t, err, "etf: Options.Nil is a name that no atom can have")
	}
	require.Equal(t, "\x83"+badAtom, string(requireMarshal(t, etf.Options{Nil: badName, AllowNonUTF8Atoms: true}, (*int)(nil))))
}
