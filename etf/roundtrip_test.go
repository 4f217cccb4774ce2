package etf_test

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// A typeMaker makes types, and values of them, out of chance.
type typeMaker struct{ *rand.Rand }

var leaves = []reflect.Type{
	reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](),
	reflect.TypeFor[int32](), reflect.TypeFor[int64](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](),
	reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[float32](), reflect.TypeFor[float64](),
	reflect.TypeFor[string](), reflect.TypeFor[[]byte](), reflect.TypeFor[[5]byte](), reflect.TypeFor[etf.Atom](),
	reflect.TypeFor[etf.Binary](),
}

// taggedLeaves are what a tag writes in another way.
var taggedLeaves = []struct {
	kind    reflect.Type
	options string
}{
	{reflect.TypeFor[string](), ",charlist"},
	{reflect.TypeFor[[]string](), ",charlist"},
	{reflect.TypeFor[string](), ",iodata"},
	{reflect.TypeFor[time.Time](), ""},
	{reflect.TypeFor[time.Time](), ",datetime"},
	{reflect.TypeFor[time.Time](), ",unit=second"},
	{reflect.TypeFor[*time.Time](), ",unit=nanosecond"},
	{reflect.TypeFor[time.Duration](), ""},
	{reflect.TypeFor[map[string]int](), ",proplist"},
	{reflect.TypeFor[netip.Addr](), ""},
	{reflect.TypeFor[[]netip.AddrPort](), ""},
	{reflect.TypeFor[big.Int](), ""},
	{reflect.TypeFor[etf.Raw](), ""},
	{reflect.TypeFor[etf.Bits](), ""},
	{reflect.TypeFor[[]etf.Pid](), ""},
	{reflect.TypeFor[any](), ""},
}

// special makes a value of a type whose fields are not to be filled one by one.
func (m typeMaker) special(v reflect.Value) (ok bool) {
	addr := netip.AddrFrom4([4]byte{127, 0, byte(m.IntN(256)), 1})
	if m.IntN(2) == 0 {
		addr = netip.AddrFrom16([16]byte{0x20, 1, 15: byte(m.IntN(256))})
	}
	var made any
	switch v.Interface().(type) {
	case time.Time:
		made = time.Unix(m.Int64N(1<<32), 0).UTC()
	case time.Duration:
		made = time.Duration(m.Int64N(1<<40)) * time.Millisecond
	case netip.Addr:
		made = addr
	case netip.AddrPort:
		made = netip.AddrPortFrom(addr, uint16(m.IntN(1<<16)))
	case big.Int:
		made = *new(big.Int).Lsh(big.NewInt(1+m.Int64N(1000)), uint(m.IntN(3000)))
	case etf.Raw:
		made = etf.Raw("h\x02a\x01m\x00\x00\x00\x01a") // no atom, which Erlang before 26 writes otherwise
	case etf.Bits:
		made = etf.Bits{Bytes: "a\xa0", Last: 3}
	case etf.Pid:
		made = etf.Pid{Node: "a@b", ID: m.Uint32(), Serial: m.Uint32(), Creation: m.Uint32()}
	default:
		return false
	}
	v.Set(reflect.ValueOf(made))
	return true
}

// kind makes a type of at most that many levels.
func (m typeMaker) kind(levels int) reflect.Type {
	if levels == 0 {
		return leaves[m.IntN(len(leaves))]
	}
	switch m.IntN(6) {
	case 0:
		return reflect.SliceOf(m.kind(levels - 1))
	case 1:
		return reflect.ArrayOf(m.IntN(4), m.kind(levels-1))
	case 2:
		keys := []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[int](), reflect.TypeFor[etf.Atom]()}
		return reflect.MapOf(keys[m.IntN(len(keys))], m.kind(levels-1))
	case 3:
		// Not to another pointer: a pointer to a nil one is a nil one to Erlang.
		if t := m.kind(levels - 1); t.Kind() != reflect.Pointer {
			return reflect.PointerTo(t)
		}
	}
	return m.structure(levels)
}

func (m typeMaker) structure(levels int) reflect.Type {
	layouts := []string{"", ",binary", ",tuple", ",record=r", ",proplist"}
	layout := layouts[m.IntN(len(layouts))]
	fields := []reflect.StructField{{
		Name: "_", PkgPath: "etf_test", Type: reflect.TypeFor[struct{}](),
		Tag: reflect.StructTag(fmt.Sprintf("etf:%q", layout)),
	}}
	if layout == "" {
		fields = nil
	}
	for i := range m.IntN(12) {
		f := reflect.StructField{Name: fmt.Sprintf("Field%d", i), Type: m.kind(m.IntN(levels))}
		if m.IntN(4) == 0 {
			tagged := taggedLeaves[m.IntN(len(taggedLeaves))]
			f.Type, f.Tag = tagged.kind, reflect.StructTag(fmt.Sprintf("etf:%q", tagged.options))
		} else if layout == "" && m.IntN(3) == 0 {
			f.Tag = `etf:",omitzero"` // omitempty would not tell nil from empty
		}
		fields = append(fields, f)
	}
	return reflect.StructOf(fields)
}

// fill puts a value into v that is told from every other when it was written and
// read: nothing is nil but pointers.
func (m typeMaker) fill(v reflect.Value) {
	if m.special(v) {
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		terms := []any{int64(7), etf.Atom("ok"), etf.Tuple{etf.Binary("b"), 1.5}, etf.List{etf.Atom("a")}, etf.Map{{Key: int64(1), Value: etf.List{}}}}
		v.Set(reflect.ValueOf(terms[m.IntN(len(terms))]))
	case reflect.Bool:
		v.SetBool(m.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(m.Uint64()) >> m.IntN(64))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(m.Uint64() >> m.IntN(64))
	case reflect.Float32:
		v.SetFloat(float64(float32(m.NormFloat64())))
	case reflect.Float64:
		v.SetFloat(m.NormFloat64() * math.Pow(10, float64(m.IntN(200)-100)))
	case reflect.String:
		v.SetString(m.text())
	case reflect.Pointer:
		if m.IntN(3) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			m.fill(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				m.fill(v.Field(i))
			}
		}
	default:
		m.fillMany(v)
	}
}

func (m typeMaker) fillMany(v reflect.Value) {
	n := m.IntN(5)
	switch v.Kind() {
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			m.fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range n {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			m.fill(key)
			m.fill(value)
			v.SetMapIndex(key, value)
		}
	}
}

// text is one of a few, so that Erlang's table of atoms does not fill.
func (m typeMaker) text() string {
	return []string{"", "a", "undefinedx", "gr\u00fcn", "\u20ac\U0001f600", "true", "two words", "a\nb"}[m.IntN(8)]
}

// Erlang reads what Marshal writes and writes it again, in the order of its own
// maps: Unmarshal then reads the value that there was. In deterministic order the
// two write the same bytes.
func TestGeneratedStructsComeBackFromErlang(t *testing.T) {
	escript, err := exec.LookPath("escript")
	if err != nil {
		t.Skip("no escript on this machine")
	}
	m := typeMaker{rand.New(rand.NewPCG(1, 2))}
	var file bytes.Buffer
	enc := etf.NewEncoder(&file, etf.Packet4)
	var values []reflect.Value
	for range 2000 {
		v := reflect.New(m.structure(4))
		m.fill(v.Elem())
		require.NoError(t, enc.Encode(v.Interface()))
		values = append(values, v)
	}
	dir := t.TempDir()
	in, out, ordered := filepath.Join(dir, "in"), filepath.Join(dir, "out"), filepath.Join(dir, "ordered")
	require.NoError(t, os.WriteFile(in, file.Bytes(), 0o600))
	said, err := exec.Command(escript, "testdata/again.escript", in, out, ordered).CombinedOutput()
	require.NoError(t, err, "%s", said)
	again, err := os.Open(out)
	require.NoError(t, err)
	defer again.Close()
	dec := etf.NewDecoder(again, etf.Packet4)
	for _, v := range values {
		got := reflect.New(v.Type().Elem())
		require.NoError(t, dec.Decode(got.Interface()), "%v", v.Type())
		require.Equal(t, v.Interface(), got.Interface())
	}
	want, err := os.ReadFile(ordered)
	require.NoError(t, err)
	if len(want) == 0 {
		t.Skip("the Erlang of this machine has no deterministic order")
	}
	var have bytes.Buffer
	enc = etf.NewEncoder(&have, etf.Packet4)
	enc.Options.Deterministic = true
	for _, v := range values {
		require.NoError(t, enc.Encode(v.Interface()))
	}
	require.True(t, bytes.Equal(want, have.Bytes()), "not in Erlang's order")
}
