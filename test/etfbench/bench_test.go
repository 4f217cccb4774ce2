package etfbench

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	ergo "github.com/ergo-services/ergo/etf"
	"github.com/ergo-services/ergo/lib"
	"github.com/fxamacker/cbor/v2"
	"github.com/okeuday/erlang_go/v2/erlang"
	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
	"github.com/gwport/gwport/test/terms"
)

// alias is how a program reads one term after the other into one value.
var alias = etf.Options{Alias: true, Fresh: true}

// A subject is a value of a Go program, and what the codecs without structs have instead.
type subject struct {
	value any
	data  []byte // as etf
}

func subjects(tb testing.TB) map[string]subject {
	tb.Helper()
	all := map[string]subject{}
	for name, v := range map[string]any{
		"request":       terms.Browser(),
		"request_pairs": &Pairs{Request: *terms.Browser()},
		"reply":         reply(13),
		"reply_64k":     reply(64 << 10),
		"ints_1000":     ints(),
		"maps_1000":     entries(),
		"proplist":      tree(4),
	} {
		data, err := etf.Marshal(v)
		require.NoError(tb, err)
		all[name] = subject{v, data}
	}
	return all
}

func fresh(v any) any { return reflect.New(reflect.TypeOf(v).Elem()).Interface() }

// A codec decodes the data it was given, or encodes the value; nil where it cannot.
type codec struct {
	name           string
	decode, encode func(tb testing.TB, s subject) (run func() error)
}

var codecs = []codec{
	{"etf", decodeStruct(alias), appendStruct},
	{"etf_copied", decodeStruct(etf.Options{}), nil},
	{"etf_dynamic", decodeDynamic, appendDynamic},
	{"erlang_go", decodeErlangGo, encodeErlangGo},
	{"ergo", decodeErgo, encodeErgo},
	{"cbor", decodeCBOR, encodeCBOR},
	{"json", decodeJSON, encodeJSON},
}

func decodeStruct(o etf.Options) func(testing.TB, subject) func() error {
	return func(_ testing.TB, s subject) func() error {
		into := fresh(s.value)
		return func() error { return o.Unmarshal(s.data, into) }
	}
}

func appendStruct(_ testing.TB, s subject) func() error {
	var dst []byte
	return func() (err error) {
		dst, err = etf.AppendMarshal(dst[:0], s.value)
		return err
	}
}

func decodeDynamic(_ testing.TB, s subject) func() error {
	return func() error {
		_, err := etf.Decode(s.data, etf.Limits{})
		return err
	}
}

func appendDynamic(tb testing.TB, s subject) func() error {
	v, err := etf.Decode(s.data, etf.Limits{})
	require.NoError(tb, err)
	var dst []byte
	return func() (err error) {
		dst, err = etf.Append(etf.AppendVersion(dst[:0]), v)
		return err
	}
}

func decodeErlangGo(_ testing.TB, s subject) func() error {
	if _, err := erlang.BinaryToTerm(s.data); err != nil {
		return nil
	}
	return func() error {
		_, err := erlang.BinaryToTerm(s.data)
		return err
	}
}

func encodeErlangGo(_ testing.TB, s subject) func() error {
	v, err := erlang.BinaryToTerm(s.data)
	if err != nil {
		return nil
	}
	return func() error {
		_, err := erlang.TermToBinary(v, -1)
		return err
	}
}

// ergoDecode says an error where ergo panics, as it does on a map with binaries as keys.
func ergoDecode(data []byte) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = os.ErrInvalid
		}
	}()
	v, _, err = ergo.Decode(data[1:], nil, ergo.DecodeOptions{})
	return v, err
}

func decodeErgo(_ testing.TB, s subject) func() error {
	if _, err := ergoDecode(s.data); err != nil {
		return nil
	}
	return func() error {
		_, _, err := ergo.Decode(s.data[1:], nil, ergo.DecodeOptions{})
		return err
	}
}

func encodeErgo(_ testing.TB, s subject) func() error {
	v, err := ergoDecode(s.data)
	if err != nil {
		return nil
	}
	b := lib.TakeBuffer()
	return func() error {
		b.Reset()
		return ergo.Encode(v, b, ergo.EncodeOptions{})
	}
}

func decodeCBOR(tb testing.TB, s subject) func() error {
	data, err := cbor.Marshal(s.value)
	require.NoError(tb, err)
	into := fresh(s.value)
	return func() error { return cbor.Unmarshal(data, into) }
}

func encodeCBOR(_ testing.TB, s subject) func() error {
	return func() error {
		_, err := cbor.Marshal(s.value)
		return err
	}
}

func decodeJSON(tb testing.TB, s subject) func() error {
	data, err := json.Marshal(s.value)
	require.NoError(tb, err)
	into := fresh(s.value)
	return func() error { return json.Unmarshal(data, into) }
}

func encodeJSON(_ testing.TB, s subject) func() error {
	return func() error {
		_, err := json.Marshal(s.value)
		return err
	}
}

// copied is the least that can be done with data: to copy it once.
func copied(data []byte) func() error {
	dst := make([]byte, len(data))
	return func() error {
		copy(dst, data)
		return nil
	}
}

func measure(b *testing.B, run func() error) {
	if run == nil {
		b.SkipNow()
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := run(); err != nil {
			b.Fatal(err)
		}
	}
}

var order = []string{"request", "request_pairs", "reply", "reply_64k", "ints_1000", "maps_1000", "proplist"}

func BenchmarkDecode(b *testing.B) {
	all := subjects(b)
	for _, name := range order {
		for _, c := range codecs {
			run := c.decode(b, all[name])
			b.Run("term="+name+"/codec="+c.name, func(b *testing.B) { measure(b, run) })
		}
	}
	data := string(all["request"].data)
	req := &Request{}
	b.Run("term=request/codec=bridge", func(b *testing.B) {
		measure(b, func() error { return readRequest(data, req) })
	})
	b.Run("term=reply_64k/codec=copy", func(b *testing.B) { measure(b, copied(all["reply_64k"].data)) })
}

func BenchmarkEncode(b *testing.B) {
	all := subjects(b)
	for _, name := range order {
		for _, c := range codecs {
			if c.encode == nil {
				continue
			}
			run := c.encode(b, all[name])
			b.Run("term="+name+"/codec="+c.name, func(b *testing.B) { measure(b, run) })
		}
	}
	rep := reply(13)
	var dst []byte
	b.Run("term=reply/codec=bridge", func(b *testing.B) {
		measure(b, func() error {
			dst = appendReply(dst[:0], rep)
			return nil
		})
	})
	b.Run("term=reply_64k/codec=copy", func(b *testing.B) { measure(b, copied(all["reply_64k"].data)) })
}

// TestCodecsHaveEqualData is what makes the table one of equal work: each codec with structs gives the value back
// that it was given.
func TestCodecsHaveEqualData(t *testing.T) {
	for name, s := range subjects(t) {
		into := fresh(s.value)
		require.NoError(t, alias.Unmarshal(s.data, into), name)
		require.Equal(t, s.value, into)
		data, err := cbor.Marshal(s.value)
		require.NoError(t, err)
		into = fresh(s.value)
		require.NoError(t, cbor.Unmarshal(data, into))
		require.Equal(t, s.value, into, name)
		data, err = json.Marshal(s.value)
		require.NoError(t, err)
		into = fresh(s.value)
		require.NoError(t, json.Unmarshal(data, into))
		require.Equal(t, s.value, into, name)
	}
}

// TestTheBridgesPathHasTheSameData holds the hand-written rows to the others.
func TestTheBridgesPathHasTheSameData(t *testing.T) {
	all := subjects(t)
	req := &Request{}
	require.NoError(t, readRequest(string(all["request"].data), req))
	require.Equal(t, all["request"].value, req)
	require.Equal(t, all["reply"].data, appendReply(nil, reply(13)))
}

// TestNothingIsAllocated holds what the table says of reading into one value again and of appending.
func TestNothingIsAllocated(t *testing.T) {
	for name, s := range subjects(t) {
		if name == "proplist" {
			continue // its pointers' own slices are made anew where a node has had none
		}
		into, dst := fresh(s.value), []byte(nil)
		require.Zero(t, testing.AllocsPerRun(10, func() {
			require.NoError(t, alias.Unmarshal(s.data, into))
		}), name)
		require.Zero(t, testing.AllocsPerRun(10, func() {
			dst, _ = etf.AppendMarshal(dst[:0], s.value)
		}), name)
	}
}

// TestWriteTerms leaves the terms for beam.escript in the folder that ETFBENCH_TERMS names.
func TestWriteTerms(t *testing.T) {
	dir := os.Getenv("ETFBENCH_TERMS")
	if dir == "" {
		dir = t.TempDir()
	}
	for name, s := range subjects(t) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".etf"), s.data, 0o600))
	}
}
