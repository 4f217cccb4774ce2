package etf_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

type inner struct {
	Name string
	Size int8 `etf:"size,omitempty"`
}

type point struct {
	_    struct{} `etf:",tuple"`
	X, Y int
}

type user struct {
	_    struct{} `etf:",record=user"`
	Name string
	Age  *int
}

type settings struct {
	_       struct{} `etf:",proplist"`
	Debug   bool     `etf:",omitempty"`
	Level   etf.Atom
	Retries int
}

// Inner is exported: what embeds a pointer to it can be decoded.
type Inner inner

type base struct{ ID, Kind int }

type derived struct {
	base
	*Inner
	Kind string `etf:"kind,binary"`
}

type rest struct {
	A    int
	More etf.Map `etf:",inline"`
}

type celsius float64

func (c celsius) AppendETF(dst []byte) ([]byte, error) {
	return etf.AppendFloat(etf.AppendAtom(etf.AppendTuple(dst, 2), "celsius"), float64(c)), nil
}

func (c *celsius) ReadETF(r *etf.Reader) error {
	n, err := r.Tuple()
	if err != nil || n != 2 {
		return errors.New("no temperature")
	}
	if err := r.Skip(); err != nil {
		return err
	}
	f, err := r.Float()
	*c = celsius(f)
	return err
}

type wrapped struct{ n int }

func (w wrapped) MarshalETF() ([]byte, error) { return etf.Marshal(etf.Tuple{etf.Atom("n"), w.n}) }

func (w *wrapped) UnmarshalETF(data []byte) error {
	var pair struct {
		_ struct{} `etf:",record=n"`
		N int
	}
	err := etf.Unmarshal(data, &pair)
	w.n = pair.N
	return err
}

func ref[T any](v T) *T { return &v }

// A case is a Go value, the term it is, and how it is read into a new one.
type mapped struct {
	value any
	term  any
	fresh func() any // a pointer to a value that the term is read into
}

func both[T any](value T, term any) mapped {
	return mapped{value, term, func() any { return new(T) }}
}

var huge, _ = new(big.Int).SetString("123456789012345678901234567890", 10)

func a(s string) etf.Atom   { return etf.Atom(s) }
func b(s string) etf.Binary { return etf.Binary(s) }

func bothWays() map[string]mapped {
	day := time.Date(2024, 2, 29, 13, 37, 1, 0, time.UTC)
	return map[string]mapped{
		"bool":         both(true, a("true")),
		"int8":         both(int8(-128), -128),
		"uint64":       both(uint64(math.MaxUint64), new(big.Int).SetUint64(math.MaxUint64)),
		"int64":        both(int64(math.MinInt64), int64(math.MinInt64)),
		"float64":      both(1.5, 1.5),
		"float32":      both(float32(0.25), 0.25),
		"string":       both("gr\u00fcn", b("gr\u00fcn")),
		"bytes":        both([]byte{0, 255}, b("\x00\xff")),
		"byte array":   both([3]byte{1, 2, 3}, b("\x01\x02\x03")),
		"atom":         both(a("ok"), a("ok")),
		"binary":       both(b("x"), b("x")),
		"raw":          both(etf.Raw("a\x07"), 7),
		"raw term":     both(etf.RawTerm("a\x07"), 7),
		"big":          both(*huge, huge),
		"big pointer":  both(huge, huge),
		"nil pointer":  both((*int)(nil), a("undefined")),
		"pointer":      both(ref(ref(3)), 3),
		"any":          both(any(etf.Tuple{a("ok"), int64(1)}), etf.Tuple{a("ok"), 1}),
		"slice":        both([]string{"a", "b"}, etf.List{b("a"), b("b")}),
		"empty slice":  both([]string{}, etf.List{}),
		"small ints":   both([]int{1, 2, 300}, etf.List{1, 2, 300}),
		"array":        both([2]string{"a", "b"}, etf.Tuple{b("a"), b("b")}),
		"map":          both(map[string]int{"b": 2, "a": 1}, etf.Map{{b("a"), 1}, {b("b"), 2}}),
		"atom map":     both(map[etf.Atom]bool{"x": true}, etf.Map{{a("x"), true}}),
		"int map":      both(map[int]string{1: "x"}, etf.Map{{1, b("x")}}),
		"array map":    both(map[[2]int]string{{1, 2}: "x"}, etf.Map{{etf.Tuple{1, 2}, b("x")}}),
		"dynamic":      both(etf.Tuple{int64(1), etf.List{}}, etf.Tuple{1, etf.List{}}),
		"dynamic map":  both(etf.Map{{a("k"), int64(1)}}, etf.Map{{a("k"), 1}}),
		"improper":     both(etf.Improper{Elems: etf.List{int64(1)}, Tail: int64(2)}, etf.Improper{Elems: etf.List{1}, Tail: 2}),
		"struct":       both(inner{"x", 2}, etf.Map{{a("name"), b("x")}, {a("size"), 2}}),
		"omitempty":    both(inner{Name: "x"}, etf.Map{{a("name"), b("x")}}),
		"tuple":        both(point{X: 1, Y: 2}, etf.Tuple{1, 2}),
		"record":       both(user{Name: "joe", Age: ref(7)}, etf.Tuple{a("user"), b("joe"), 7}),
		"record nil":   both(user{Name: "joe"}, etf.Tuple{a("user"), b("joe"), a("undefined")}),
		"proplist":     both(settings{Debug: true, Level: "info", Retries: 3}, etf.List{etf.Tuple{a("debug"), true}, etf.Tuple{a("level"), a("info")}, etf.Tuple{a("retries"), 3}}),
		"embedded":     both(derived{base{1, 0}, &Inner{"x", 2}, "k"}, etf.Map{{a("id"), 1}, {a("name"), b("x")}, {a("size"), 2}, {b("kind"), b("k")}}),
		"inline":       both(rest{1, etf.Map{{b("z"), int64(2)}}}, etf.Map{{a("a"), 1}, {b("z"), 2}}),
		"appender":     both(celsius(21.5), etf.Tuple{a("celsius"), 21.5}),
		"marshaler":    both([]wrapped{{1}, {2}}, etf.List{etf.Tuple{a("n"), 1}, etf.Tuple{a("n"), 2}}),
		"time":         both(day, b("2024-02-29T13:37:01Z")),
		"duration":     both(1500*time.Millisecond, 1500),
		"address":      both(netip.MustParseAddr("192.0.2.1"), etf.Tuple{192, 0, 2, 1}),
		"address 6":    both(netip.MustParseAddr("2001:db8::1"), etf.Tuple{0x2001, 0xdb8, 0, 0, 0, 0, 0, 1}),
		"address port": both(netip.MustParseAddrPort("192.0.2.1:80"), etf.Tuple{etf.Tuple{192, 0, 2, 1}, 80}),
		"text":         both(netip.MustParsePrefix("10.0.0.0/8"), b("10.0.0.0/8")),
		"tags": both(struct {
			S string            `etf:"s,charlist"`
			P map[etf.Atom]int  `etf:"p,proplist"`
			U time.Time         `etf:"u,unit=millisecond"`
			D time.Time         `etf:"d,datetime"`
			N time.Duration     `etf:"n,unit=nanosecond"`
			M map[string]string `etf:"m,omitzero"`
			Z string            `etf:"-"`
		}{"h\u00fc", map[etf.Atom]int{"x": 1}, day, day, 5, nil, ""}, etf.Map{
			{a("s"), etf.List{'h', 0xfc}},
			{a("p"), etf.List{etf.Tuple{a("x"), 1}}},
			{a("u"), day.UnixMilli()},
			{a("d"), etf.Tuple{etf.Tuple{2024, 2, 29}, etf.Tuple{13, 37, 1}}},
			{a("n"), 5},
		}),
	}
}

func TestGoValuesAreTermsBothWays(t *testing.T) {
	for name, c := range bothWays() {
		t.Run(name, func(t *testing.T) {
			want, err := etf.Append(etf.AppendVersion(nil), c.term)
			require.NoError(t, err)
			got, err := etf.Marshal(c.value)
			require.NoError(t, err)
			require.Equal(t, want, got)
			into := c.fresh()
			require.NoError(t, etf.Unmarshal(want, into))
			again, err := etf.Marshal(into)
			require.NoError(t, err)
			require.Equal(t, want, again)
		})
	}
}

func term(t testing.TB, v any) []byte {
	t.Helper()
	data, err := etf.Options{AllowDuplicateKeys: true}.Append(etf.AppendVersion(nil), v)
	require.NoError(t, err)
	return data
}

// read reads a term into a new T.
func read[T any](t *testing.T, o etf.Options, v any) T {
	t.Helper()
	var into T
	require.NoError(t, o.Unmarshal(term(t, v), &into))
	return into
}

func TestUnmarshalTakesWhatElseErlangWrites(t *testing.T) {
	none := etf.Options{}
	require.Equal(t, []int{1, 2}, read[[]int](t, none, etf.List{1, 2}), "written as a string")
	require.Equal(t, []any{int64(1)}, read[[]any](t, none, etf.List{1}))
	require.Equal(t, [2]int{1, 2}, read[[2]int](t, none, etf.List{1, 2}))
	require.Equal(t, 3.0, read[float64](t, none, 3))
	require.Equal(t, inner{"x", 1}, read[inner](t, none, etf.Map{{b("name"), b("x")}, {b("size"), 1}, {b("more"), 1}, {a("and"), 2}}))
	require.Equal(t, map[string]int{"x": 1, "y": 2}, read[map[string]int](t, none, etf.Map{{a("x"), 1}, {b("y"), 2}}))
	require.Nil(t, read[*int](t, none, a("nil")))
	require.Nil(t, read[*int](t, etf.Options{Nil: "null"}, a("null")))
	require.Equal(t, ref(a("")), read[*etf.Atom](t, none, a("")), "no Nil is named")
	// The first of two properties counts, and an atom stands for a pair with true.
	got := read[settings](t, none, etf.List{a("debug"), a("what"), etf.Tuple{b("retries"), 1}, etf.Tuple{a("retries"), 2}})
	require.Equal(t, settings{Debug: true, Retries: 1}, got)
	require.Equal(t, map[string]any{"x": a("true"), "y": int64(1)}, read[struct {
		M map[string]any `etf:"m,proplist"`
	}](t, none, etf.Map{{a("m"), etf.List{a("x"), etf.Tuple{a("y"), 1}, etf.Tuple{a("x"), 2}}}}).M)
	body := read[struct {
		B []byte `etf:"b,iodata"`
		S string `etf:"s,iodata"`
	}](t, none, etf.Map{{a("b"), etf.List{b("a"), etf.List{'b'}}}, {a("s"), b("c")}})
	require.Equal(t, "ab", string(body.B))
	require.Equal(t, "c", body.S)
	anyString := etf.Options{AnyString: true}
	require.Equal(t, []string{"a", "b\u20ac", "c", ""}, read[[]string](t, anyString, etf.List{b("a"), etf.List{'b', 0x20ac}, a("c"), etf.List{}}))
}

func TestUnmarshalErrorsSayWhereAndWhat(t *testing.T) {
	for _, c := range []struct {
		into any
		term any
		want string
	}{
		{new([]inner), etf.List{etf.Map{}, etf.Map{{a("name"), 1}}}, "etf: at byte 22, in [1].name: integer where binary is wanted"},
		{new(int8), 300, "etf: at byte 1: integer 300 does not fit a Go int8"},
		{new(uint8), -1, "etf: at byte 1: integer -1 does not fit a Go uint8"},
		{new(int64), huge, "etf: at byte 1: integer 123456789012345678901234567890 does not fit a Go int64"},
		{new(uint64), huge, "etf: at byte 1: integer 123456789012345678901234567890 does not fit a Go uint64"},
		{new(int), 1.5, "etf: at byte 1: float where integer is wanted"},
		{new(float64), int64(1<<53 + 1), "etf: at byte 1: integer that no float is equal to"},
		{new(float32), 1e300, "etf: at byte 1: float 1e+300 does not fit a Go float32"},
		{new(bool), a("maybe"), "etf: at byte 1: atom that is neither true nor false"},
		{new(string), a("x"), "etf: at byte 1: atom where binary is wanted"},
		{new([2]byte), b("abc"), "etf: at byte 1: binary of 3 bytes where 2 are wanted"},
		{new([2]int), etf.Tuple{1}, "etf: at byte 1: tuple of 1 elements where 2 are wanted"},
		{new([2]int), etf.List{1, 2, 3}, "etf: at byte 1: list of 3 elements where 2 are wanted"},
		{new(point), etf.Tuple{1, 2, 3}, "etf: at byte 1: tuple of 3 elements where 2 are wanted"},
		{new(user), etf.Tuple{a("usr"), b(""), 1}, "etf: at byte 3: tuple is no record user"},
		{new([]int), etf.Improper{Elems: etf.List{1}, Tail: 2}, "etf: at byte 8: improper list"},
		{new([]int8), etf.List{1, 200}, "etf: at byte 5, in [1]: integer 200 does not fit a Go int8"},
		{new(settings), etf.List{1.5}, "etf: at byte 6, in [0]: element of a proplist that is no pair, and no atom"},
		{new(settings), etf.List{etf.Tuple{a("retries"), a("x")}}, "etf: at byte 17, in retries: atom where integer is wanted"},
		{new(map[string]int8), etf.Map{{b("k"), 300}}, `etf: at byte 12, in ["k"]: integer 300 does not fit a Go int8`},
		{new(map[any]int), etf.Map{{etf.List{}, 1}}, "etf: at byte 6: key that no Go map can have"},
		{new(map[string]int), etf.Map{{b("k"), 1}, {a("k"), 1}}, "etf: at byte 14: key that is in its map twice"},
		{new(inner), etf.Map{{b("name"), b("")}, {a("name"), b("")}}, "etf: at byte 20: key that is in its map twice"},
		{new(netip.Addr), etf.Tuple{1, 2, 3, 256}, "etf: at byte 1: tuple that is no IP address"},
		{new(time.Time), b("yesterday"), `etf: at byte 1: time that is not as RFC 3339 has it: "yesterday"`},
		{new(time.Duration), int64(math.MaxInt64), "etf: at byte 1: integer 9223372036854775807 does not fit a Go time.Duration"},
		{new(celsius), etf.Tuple{}, "etf: at byte 1: no temperature"},
		{new(error), 1, "etf: at byte 1: no telling which type implements the Go interface error"},
		{new(chan int), 1, "etf: at byte 1: no coder for the Go type chan int: no term is like it"},
		{new(etf.Tuple), 1, "etf: at byte 1: int64 where etf.Tuple is wanted"},
	} {
		err := etf.Unmarshal(term(t, c.term), c.into)
		require.EqualError(t, err, c.want)
		require.IsType(t, &etf.UnmarshalError{}, err)
	}
}

func TestOptionsRefuseWhatIsUnknown(t *testing.T) {
	data := term(t, etf.Map{{a("name"), b("x")}, {a("nme"), 1}})
	require.NoError(t, etf.Unmarshal(data, new(inner)))
	err := etf.Options{RefuseUnknown: true}.Unmarshal(data, new(inner))
	require.EqualError(t, err, "etf: at byte 18: key that no field has")
	require.NoError(t, etf.Options{RefuseUnknown: true}.Unmarshal(term(t, etf.Map{{a("x"), 1}}), new(rest)))
	err = etf.Options{RefuseUnknown: true}.Unmarshal(term(t, etf.List{a("x")}), new(settings))
	require.ErrorContains(t, err, "key that no field has")
}

func TestOptionsOfDecodeHoldForUnmarshal(t *testing.T) {
	twice := []byte("\x83t\x00\x00\x00\x02w\x01aa\x01w\x01aa\x02")
	require.Error(t, etf.Unmarshal(twice, new(rest)))
	require.NoError(t, etf.Options{AllowDuplicateKeys: true}.Unmarshal(twice, new(rest)))
	unknown := []byte("\x83t\x00\x00\x00\x02w\x01xa\x01w\x01xa\x02")
	require.ErrorContains(t, etf.Unmarshal(unknown, new(inner)), "at byte 11: key that is in its map twice")
	require.NoError(t, etf.Options{AllowDuplicateKeys: true}.Unmarshal(unknown, new(inner)))
	nested := append([]byte("\x83t\x00\x00\x00\x01w\x01x"), twice[1:]...)
	require.ErrorContains(t, etf.Unmarshal(nested, new(inner)), "key that is in its map twice")
	trailing := []byte("\x83a\x01\x00")
	require.EqualError(t, etf.Unmarshal(trailing, new(int)), "etf: at byte 3: bytes behind the term")
	require.NoError(t, etf.Options{AllowTrailing: true}.Unmarshal(trailing, new(int)))
	require.ErrorContains(t, etf.Unmarshal([]byte("\x83P\x00"), new(int)), "compressed")
}

func TestLimitsHoldForUnmarshal(t *testing.T) {
	limit := func(l etf.Limits, v any, into any) error {
		return etf.Options{Limits: l}.Unmarshal(term(t, v), into)
	}
	var tooLarge *etf.LimitError
	nested := etf.List{etf.List{etf.List{300}}}
	require.NoError(t, limit(etf.Limits{MaxDepth: 3}, nested, new([][][]int)))
	require.ErrorAs(t, limit(etf.Limits{MaxDepth: 2}, nested, new([][][]int)), &tooLarge)
	require.ErrorAs(t, limit(etf.Limits{MaxDepth: 2}, nested, new([]any)), &tooLarge)
	require.NoError(t, limit(etf.Limits{MaxDepth: 3}, nested, new([]any)))
	// The list, its three elements and its tail.
	three := etf.List{300, 301, 302}
	require.NoError(t, limit(etf.Limits{MaxTerms: 5}, three, new([]int)))
	require.ErrorAs(t, limit(etf.Limits{MaxTerms: 4}, three, new([]int)), &tooLarge)
	require.NoError(t, limit(etf.Limits{MaxTerms: 5}, three, new(any)))
	require.ErrorAs(t, limit(etf.Limits{MaxTerms: 4}, three, new(any)), &tooLarge)
	require.NoError(t, limit(etf.Limits{MaxTerms: 4}, etf.List{1, 2, 3}, new([]int)))
	require.ErrorAs(t, limit(etf.Limits{MaxTerms: 3}, etf.List{1, 2, 3}, new([]int)), &tooLarge)
	require.NoError(t, limit(etf.Limits{MaxBytes: 8}, b("ab"), new(string)))
	require.ErrorAs(t, limit(etf.Limits{MaxBytes: 7}, b("ab"), new(string)), &tooLarge)
}

// loop is a pointer to itself, which no term is like.
type loop *loop

type tree struct {
	Left, Right *tree `etf:",omitempty"`
}

func TestTypesThatHoldThemselves(t *testing.T) {
	data, err := etf.Marshal(tree{Left: &tree{Right: &tree{}}})
	require.NoError(t, err)
	require.NotNil(t, read[tree](t, etf.Options{}, etf.Map{{a("left"), etf.Map{{a("right"), etf.Map{}}}}}).Left.Right)
	require.NoError(t, etf.Unmarshal(data, new(tree)))
	var endless loop
	require.ErrorContains(t, etf.Unmarshal(term(t, 1), &endless), "pointers that lead to no value")
	circle := &tree{}
	circle.Left = circle
	_, err = etf.Marshal(circle)
	require.ErrorContains(t, err, "limit depth is 65536")
	list := etf.List{nil}
	list[0] = list
	_, err = etf.Marshal(list)
	require.ErrorContains(t, err, "limit depth is 65536")
}

func TestStringsAreCopiedUnlessAliased(t *testing.T) {
	fresh := func() []byte { return term(t, etf.List{b("abc"), a("abc")}) }
	into := struct {
		_ struct{} `etf:",tuple"`
		S string
		A etf.Atom
		B []byte
		R etf.RawTerm
	}{}
	data := term(t, etf.Tuple{b("abc"), a("abc"), b("abc"), b("abc")})
	require.NoError(t, etf.Unmarshal(data, &into))
	clear(data)
	require.Equal(t, []any{"abc", a("abc"), "abc"}, []any{into.S, into.A, string(into.B)})
	data = term(t, etf.Tuple{b("abc"), a("abc"), b("abc"), b("abc")})
	require.NoError(t, etf.Options{Alias: true}.Unmarshal(data, &into))
	clear(data)
	require.Equal(t, []any{"\x00\x00\x00", a("\x00\x00\x00"), "abc"}, []any{into.S, into.A, string(into.B)})
	var v any
	data = fresh()
	require.NoError(t, etf.Unmarshal(data, &v))
	clear(data)
	require.Equal(t, etf.List{b("abc"), a("abc")}, v)
	var s []string
	require.NoError(t, etf.Options{AnyString: true}.UnmarshalString(string(fresh()), &s))
	require.Equal(t, []string{"abc", "abc"}, s)
}

func TestFreshEmptiesWhatTheTermDoesNotName(t *testing.T) {
	v := derived{base{1, 2}, &Inner{"x", 3}, "k"}
	require.NoError(t, etf.Unmarshal(term(t, etf.Map{{a("id"), 9}}), &v))
	require.Equal(t, derived{base{9, 2}, &Inner{"x", 3}, "k"}, v)
	require.NoError(t, etf.Options{Fresh: true}.Unmarshal(term(t, etf.Map{{a("name"), b("y")}}), &v))
	require.Equal(t, derived{base{0, 2}, &Inner{"y", 0}, ""}, v, "Kind of base is no field of the term")
	// Elements begin as zero in any case, and pointers in them lead to no old value.
	list := []inner{{"old", 1}}
	require.NoError(t, etf.Unmarshal(term(t, etf.List{etf.Map{{a("size"), 2}}}), &list))
	require.Equal(t, []inner{{"", 2}}, list)
	old := 1
	pointers := []*int{&old}
	require.NoError(t, etf.Unmarshal(term(t, etf.List{2}), &pointers))
	require.Equal(t, []int{1, 2}, []int{old, *pointers[0]})
}

func TestMarshalErrorsSayWhereAndWhat(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{[]any{1, map[string]any{"x": math.NaN()}}, `etf: in [1]["x"]: float that is not finite`},
		{[]inner{}, ""},
		{struct{ C chan int }{}, "etf: in c: no coder for the Go type chan int: no term is like it"},
		{etf.Atom("\xff"), "etf: name that no atom can have"},
		{map[any]int{"a": 1, b("a"): 2}, "etf: two keys of a Go map that are the same term"},
		{rest{1, etf.Map{{b("a"), 1}}}, "etf: key of an inline map that is a field's name, a"},
		{etf.Raw("\x00"), "etf: unknown tag"},
		{struct{ Raw etf.RawTerm }{}, "etf: in raw: no bytes where those of a term are wanted"},
		{
			struct{ HTTPPort, HttpPort int }{},
			"etf: no coder for the Go type struct { HTTPPort int; HttpPort int }: fields HTTPPort and HttpPort have one name, http_port",
		},
		{1500 * time.Microsecond, "etf: duration 1.5ms is no whole number of 1ms"},
		{netip.MustParseAddr("fe80::1%eth0"), "etf: address fe80::1%eth0 has a zone, which inet:ip_address() has not"},
		{etf.Improper{}, "etf: improper list without elements, or with a list as its tail"},
		{struct {
			N int `etf:"n,what"`
		}{}, "etf: no coder for the Go type struct { N int \"etf:\\\"n,what\\\"\" }: field N: unknown option \"what\""},
	} {
		dst := []byte("dst")
		out, err := etf.AppendMarshal(dst, c.v)
		if c.want == "" {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, c.want)
		require.Equal(t, dst, out)
	}
}

func TestOptionsOfMarshal(t *testing.T) {
	data, err := etf.Options{BinaryKeys: true, Nil: "nil"}.Marshal(struct {
		P *int
		Q *int `etf:"q,atom"`
	}{})
	require.NoError(t, err)
	require.Equal(t, term(t, etf.Map{{b("p"), a("nil")}, {a("q"), a("nil")}}), data)
}

func TestNamesOfFields(t *testing.T) {
	data, err := etf.Marshal(struct{ PeerPort, HTTPPort, ID, UserID, A, X509Cert, URLs, IDsOfAll, IPv6Addr, IsA int }{})
	require.NoError(t, err)
	want := etf.Map{}
	for _, name := range []etf.Atom{"peer_port", "http_port", "id", "user_id", "a", "x509_cert", "urls", "ids_of_all", "i_pv6_addr", "is_a"} {
		want = append(want, etf.Pair{Key: name, Value: 0})
	}
	require.Equal(t, term(t, want), data)
}

func TestUnmarshalWantsAPointer(t *testing.T) {
	for _, v := range []any{nil, 1, (*int)(nil), inner{}} {
		require.ErrorIs(t, etf.Unmarshal(term(t, 1), v), etf.ErrNotPointer)
	}
}

func TestTermsOfNodesAreValuesToMarshalAndUnmarshal(t *testing.T) {
	type all struct {
		B etf.Bits
		P etf.Pid
		O etf.Port
		R etf.Ref
		E etf.Export
		F etf.Fun
	}
	v := all{
		etf.Bits{Bytes: "\xa0", Last: 3},
		etf.Pid{Node: "n", ID: 1},
		etf.Port{Node: "n", ID: 2},
		etf.Ref{Node: "n", Len: 1, Words: [5]uint32{3}},
		etf.Export{Module: "m", Function: "f", Arity: 1},
		etf.Fun{Module: "m", Free: etf.List{int64(1)}},
	}
	data, err := etf.Marshal(v)
	require.NoError(t, err)
	var got all
	require.NoError(t, etf.Unmarshal(data, &got))
	require.Equal(t, v, got)
	var some any
	data, err = etf.Marshal(etf.Tuple{v.P, v.B})
	require.NoError(t, err)
	require.NoError(t, etf.Unmarshal(data, &some))
	require.Equal(t, etf.Tuple{v.P, v.B}, some)
}

func TestManyFieldsAreToldApart(t *testing.T) {
	var fields []reflect.StructField
	var pairs etf.Map
	for i := range 300 {
		name := fmt.Sprintf("F%d", i)
		fields = append(fields, reflect.StructField{Name: name, Type: reflect.TypeFor[int]()})
		pairs = append(pairs, etf.Pair{Key: a(strings.ToLower(name)), Value: i})
	}
	into := reflect.New(reflect.StructOf(fields))
	require.NoError(t, etf.Unmarshal(term(t, pairs), into.Interface()))
	for i := range 300 {
		require.EqualValues(t, i, into.Elem().Field(i).Int())
	}
	twice := append(pairs, pairs[299])
	require.ErrorContains(t, etf.Unmarshal(term(t, twice), into.Interface()), "key that is in its map twice")
}

func TestDecodingAndAppendingAgainAllocatesNothing(t *testing.T) {
	type header struct {
		_           struct{} `etf:",tuple"`
		Name, Value string
	}
	type req struct {
		Method  string
		Port    int
		Ints    []int
		Body    []byte
		Headers []header
	}
	v := req{"GET", 80, []int{1, 2, 300}, []byte("body"), []header{{Name: "a", Value: "b"}, {Name: "c", Value: "d"}}}
	data, err := etf.Marshal(v)
	require.NoError(t, err)
	var into req
	opts := etf.Options{Alias: true, Fresh: true}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		require.NoError(t, opts.Unmarshal(data, &into))
	}))
	require.Equal(t, v, into)
	var dst []byte
	require.Zero(t, testing.AllocsPerRun(100, func() {
		dst, err = etf.AppendMarshal(dst[:0], &into)
	}))
	require.NoError(t, err)
	require.Equal(t, data, dst)
}

func TestEveryLimitOfDecodeHoldsForUnmarshal(t *testing.T) {
	large := new(big.Int).Lsh(big.NewInt(1), 99) // of 13 bytes
	type room struct {
		_    struct{} `etf:",proplist"`
		Room [100]int
	}
	rooms := func(n int) etf.List { return slices.Repeat(etf.List{etf.List{}}, n) }
	for name, c := range map[string]struct {
		within, beyond etf.Limits
		term           any
		into           any
	}{
		"pairs":          {etf.Limits{MaxPairs: 2}, etf.Limits{MaxPairs: 1}, etf.Map{{a("a"), 1}, {a("b"), 2}}, new(rest)},
		"pairs of a map": {etf.Limits{MaxPairs: 2}, etf.Limits{MaxPairs: 1}, etf.Map{{1, 1}, {2, 2}}, new(map[int]int)},
		"atoms":          {etf.Limits{MaxAtoms: 2}, etf.Limits{MaxAtoms: 1}, etf.List{a("a"), a("b")}, new([]etf.Atom)},
		"atoms as keys":  {etf.Limits{MaxAtoms: 2}, etf.Limits{MaxAtoms: 1}, etf.Map{{a("a"), 1}, {a("b"), 2}}, new(map[string]int)},
		"atoms skipped":  {etf.Limits{MaxAtoms: 2}, etf.Limits{MaxAtoms: 1}, etf.Map{{a("x"), a("y")}}, new(inner)},
		"big integer":    {etf.Limits{MaxBigBytes: 13}, etf.Limits{MaxBigBytes: 12}, large, new(*big.Int)},
		"any":            {etf.Limits{MaxBigBytes: 13}, etf.Limits{MaxBigBytes: 12}, etf.List{large}, new([]any)},
		// Each element of a byte would be a struct of 800 in Go.
		"memory": {etf.Limits{MaxMemory: 1 << 20}, etf.Limits{MaxMemory: 500 * int(reflect.TypeFor[room]().Size())}, rooms(1000), new([]room)},
	} {
		data := term(t, c.term)
		require.NoError(t, etf.Options{Limits: c.within}.Unmarshal(data, c.into), name)
		var tooLarge *etf.LimitError
		fresh := reflect.New(reflect.TypeOf(c.into).Elem()).Interface()
		require.ErrorAs(t, etf.Options{Limits: c.beyond}.Unmarshal(data, fresh), &tooLarge, name)
	}
}

func TestMarshalRefusesAKeyThatIsThereTwice(t *testing.T) {
	for _, m := range []etf.Map{
		{{a("x"), 1}, {a("x"), 2}},
		{{1, 1}, {int8(1), 2}},
		{{etf.Tuple{1}, 1}, {etf.Tuple{int64(1)}, 2}},
		{{point{X: 1}, 1}, {etf.Tuple{1, 0}, 2}},
	} {
		_, err := etf.Marshal(etf.List{m})
		require.ErrorContains(t, err, "etf: in [0]: ")
		require.ErrorContains(t, err, "twice")
		_, err = etf.Options{AllowDuplicateKeys: true}.Marshal(m)
		require.NoError(t, err)
	}
	_, err := etf.Marshal(etf.Map{{a("x"), 1}, {b("x"), 2}, {etf.Tuple{1}, 3}})
	require.NoError(t, err)
}
