package etf_test

import (
	"math"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// level is a byte with a name.
type level uint8

func TestArraysOfNamedBytesAreBinaries(t *testing.T) {
	got := read[[4]level](t, etf.Options{}, b("\x01\x02\x03\x04"))
	require.Equal(t, [4]level{1, 2, 3, 4}, got)
	data, err := etf.Marshal(got)
	require.NoError(t, err)
	require.Equal(t, term(t, b("\x01\x02\x03\x04")), data)
	require.ErrorContains(t, etf.Unmarshal(term(t, b("abc")), &got), "binary of 3 bytes where 4 are wanted")
}

// written is a term that a method writes.
type written string

func (w written) AppendETF(dst []byte) ([]byte, error) { return append(dst, w...), nil }

// returned is one that a method returns.
type returned string

func (r returned) MarshalETF() ([]byte, error) { return []byte(r), nil }

// What others have written is looked at as what Marshal writes itself.
func TestMarshalRefusesAKeyThatIsThereTwiceInWhatOthersWrote(t *testing.T) {
	twice := "t\x00\x00\x00\x02a\x01ja\x01j"
	for name, v := range map[string]any{
		"Raw":                  etf.Raw(twice),
		"Raw in a struct":      struct{ R etf.Raw }{etf.Raw(twice)},
		"Raw within a term":    etf.Tuple{etf.Raw(twice)},
		"RawTerm":              etf.RawTerm(twice),
		"RawTerm in a struct":  struct{ R etf.RawTerm }{etf.RawTerm(twice)},
		"Appender":             written(twice),
		"Marshaler":            returned("\x83" + twice),
		"a map within another": written("t\x00\x00\x00\x01j" + twice),
	} {
		_, err := etf.Marshal(v)
		require.ErrorContains(t, err, "key that is in its map twice", name)
		_, err = etf.Options{AllowDuplicateKeys: true}.Marshal(v)
		require.NoError(t, err, name)
	}
	_, err := etf.Marshal(etf.RawTerm("t\x00\x00\x00\x02a\x01ja\x02j"))
	require.NoError(t, err)
}

// To look for keys costs stack, so that not any depth may come from elsewhere.
func TestWhatOthersWroteIsNoDeeperThanAppendWrites(t *testing.T) {
	for deep, fits := range map[string]bool{nested(1 << 16)[1:]: true, nested(1<<16 + 1)[1:]: false} {
		_, appendErr := etf.Append(nil, etf.Raw(deep))
		for _, v := range []any{etf.Raw(deep), etf.RawTerm(deep), written(deep)} {
			_, err := etf.Marshal(v)
			require.Equal(t, fits, err == nil, err)
			require.Equal(t, fits, appendErr == nil, appendErr)
		}
	}
}

// Nothing tells where a LOCAL_EXT ends, so that nothing can stand behind it.
func TestMarshalWritesALocalTermOnlyAlone(t *testing.T) {
	const local = etf.Raw("y\x00anything")
	o := etf.Options{AllowLocal: true}
	raw := local
	for _, v := range []any{local, &raw} {
		data, err := o.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, "\x83"+string(local), string(data))
		_, err = etf.Marshal(v)
		require.Error(t, err)
	}
	for _, v := range []any{
		etf.Tuple{local, 1},
		etf.List{local},
		etf.Map{{1, local}},
		[]any{local},
		map[string]any{"a": local},
		struct{ R etf.Raw }{local},
		struct{ R any }{local},
		[]etf.Raw{local},
	} {
		_, err := o.Marshal(v)
		require.ErrorContains(t, err, "unknown tag", "%T", v)
	}
}

// grade is a byte that is a term of its own making.
type grade uint8

func (g grade) AppendETF(dst []byte) ([]byte, error) {
	return etf.AppendAtom(dst, string('A'+rune(g))), nil
}

func (g *grade) ReadETF(r *etf.Reader) error {
	name, err := r.Atom()
	if err == nil {
		*g = grade(name[0] - 'A')
	}
	return err
}

func TestBytesWithMethodsAreElementsLikeOthers(t *testing.T) {
	data, err := etf.Marshal([]grade{0, 2})
	require.NoError(t, err)
	require.Equal(t, term(t, etf.List{a("A"), a("C")}), data)
	require.Equal(t, []grade{0, 2}, read[[]grade](t, etf.Options{}, etf.List{a("A"), a("C")}))
	require.Equal(t, [2]grade{0, 2}, read[[2]grade](t, etf.Options{}, etf.Tuple{a("A"), a("C")}))
	require.Error(t, etf.Unmarshal(term(t, b("AC")), new([]grade)))
	require.Equal(t, []level{1, 2}, read[[]level](t, etf.Options{}, b("\x01\x02")))
}

func TestAnOptionThatATypeHasNoUseForIsAnError(t *testing.T) {
	for want, v := range map[string]any{
		"the option charlist is not for the Go type int": struct {
			V int `etf:",charlist"`
		}{},
		"the option charlist is not for the Go type map[string]string": struct {
			V map[string]string `etf:",charlist"`
		}{},
		"the option unit is not for the Go type int64": struct {
			V int64 `etf:",unit=second"`
		}{},
		"the option datetime is not for the Go type string": struct {
			V string `etf:",datetime"`
		}{},
		"the option iodata is not for the Go type [2]uint8": struct {
			V [2]byte `etf:",iodata"`
		}{},
		"the option iodata is not for the Go type []etf_test.grade": struct {
			V []grade `etf:",iodata"`
		}{},
		"the option proplist is not for the Go type etf_test.ownMap": struct {
			V ownMap `etf:",proplist"`
		}{},
		"the option proplist is not for the Go type etf.Map": struct {
			V etf.Map `etf:",proplist"`
		}{},
		"the option proplist is not for a struct that is a tuple": struct {
			V point `etf:",proplist"`
		}{},
		"the option datetime is not for the Go type time.Duration": struct {
			V time.Duration `etf:",datetime"`
		}{},
		"two options for how one value is written": struct {
			V string `etf:",charlist,iodata"`
		}{},
		"fields that count as the outer struct's are written as it is": struct {
			Inner `etf:",proplist"`
		}{},
	} {
		_, err := etf.Marshal(v)
		require.ErrorContains(t, err, want)
	}
	data, err := etf.Marshal(struct {
		S [][2]*string  `etf:"s,charlist"`
		D *time.Time    `etf:"d,datetime"`
		I [][]byte      `etf:"i,iodata"`
		P []inner       `etf:"p,proplist"`
		Q *settings     `etf:"q,proplist"`
		U time.Duration `etf:"u,unit=second"`
	}{
		S: [][2]*string{{ref("a"), ref("b")}}, I: [][]byte{nil}, P: []inner{{"x", 1}},
		Q: &settings{}, U: time.Second,
	})
	require.NoError(t, err)
	require.Equal(t, term(t, etf.Map{
		{a("s"), etf.List{etf.Tuple{etf.List{'a'}, etf.List{'b'}}}},
		{a("d"), a("undefined")},
		{a("i"), etf.List{b("")}},
		{a("p"), etf.List{etf.List{etf.Tuple{a("name"), b("x")}, etf.Tuple{a("size"), 1}}}},
		{a("q"), etf.List{etf.Tuple{a("level"), a("")}, etf.Tuple{a("retries"), 0}}},
		{a("u"), 1},
	}), data)
}

// hidden has what no term says.
type hidden struct {
	N      int
	Seen   bool `etf:"-"`
	secret int
}

type holding struct {
	_ struct{} `etf:",proplist"`
	*Inner
	Own   counting
	Array [1]hidden
}

// counting adds what it reads to what is there.
type counting int

func (c *counting) ReadETF(r *etf.Reader) error {
	n, err := r.Int()
	*c += counting(n)
	return err
}

// What was in the capacity of a slice, or in an array, is not seen again.
func TestElementsBeginAsZero(t *testing.T) {
	slice := []hidden{{N: 1, Seen: true, secret: 1}, {N: 2, Seen: true, secret: 2}}
	require.NoError(t, etf.Unmarshal(term(t, etf.List{etf.Map{{a("n"), 3}}, etf.Map{}}), &slice))
	require.Equal(t, []hidden{{N: 3}, {}}, slice)
	array := [1]hidden{{N: 1, Seen: true, secret: 1}}
	require.NoError(t, etf.Unmarshal(term(t, etf.Tuple{etf.Map{}}), &array))
	require.Equal(t, [1]hidden{}, array)
	counts := []counting{10, 20}
	require.NoError(t, etf.Unmarshal(term(t, etf.List{1, 2}), &counts))
	require.Equal(t, []counting{1, 2}, counts, "a string")
	require.NoError(t, etf.Unmarshal(term(t, etf.List{300, 2}), &counts))
	require.Equal(t, []counting{300, 2}, counts)
	old := &Inner{"old", 1}
	holders := []holding{{Inner: old, Own: 5, Array: [1]hidden{{secret: 1}}}}
	require.NoError(t, etf.Unmarshal(term(t, etf.List{etf.List{etf.Tuple{a("name"), b("new")}, etf.Tuple{a("own"), 1}}}), &holders))
	require.Equal(t, []holding{{Inner: &Inner{"new", 0}, Own: 1}}, holders)
	require.Equal(t, &Inner{"old", 1}, old)
	// Outside of slices and arrays what the term does not name stays.
	one := hidden{N: 1, Seen: true, secret: 1}
	require.NoError(t, etf.Unmarshal(term(t, etf.Map{{a("n"), 2}}), &one))
	require.Equal(t, hidden{N: 2, Seen: true, secret: 1}, one)
}

// A term that is good and has no place in a Go value is told from one that is not.
func TestWhatDoesNotFitAGoValueIsAMismatch(t *testing.T) {
	for _, c := range []struct{ into, term any }{
		{new(point), etf.Tuple{1}},
		{new([2]int), etf.List{1}},
		{new([2]byte), b("a")},
		{new(int8), 300},
		{new(uint64), huge},
		{new(user), etf.Tuple{a("usr"), b(""), 1}},
		{new(bool), a("maybe")},
		{new(float64), int64(1<<53 + 1)},
		{new(float32), 1e300},
		{new(float32), 1<<24 + 1},
		{new(netip.Addr), etf.Tuple{1}},
		{new(netip.AddrPort), etf.Tuple{etf.Tuple{1, 2, 3, 4}, -1}},
		{new(netip.AddrPort), etf.Tuple{a("undefined"), 80}},
		{new(time.Time), b("x")},
		{new(time.Duration), int64(math.MaxInt64)},
		{new(settings), etf.List{1.5}},
		{new([]int), etf.Improper{Elems: etf.List{1}, Tail: 2}},
		{new(etf.Tuple), 1},
		{new(map[any]int), etf.Map{{etf.List{}, 1}}},
		{new(inner), etf.Map{{a("what"), 1}}},
		{&struct {
			S string `etf:"s,charlist"`
		}{}, etf.Map{{a("s"), etf.List{-1}}}},
		{&struct {
			D time.Time `etf:"d,datetime"`
		}{}, etf.Map{{a("d"), etf.Tuple{etf.Tuple{2023, 2, 31}, etf.Tuple{0, 0, 0}}}}},
	} {
		err := etf.Options{RefuseUnknown: true}.Unmarshal(term(t, c.term), c.into)
		var mismatch *etf.MismatchError
		require.ErrorAs(t, err, &mismatch, "%T", c.into)
		require.Equal(t, "etf: "+mismatch.Msg, mismatch.Error())
		require.ErrorContains(t, err, mismatch.Msg)
	}
	var mismatch *etf.MismatchError
	require.NotErrorAs(t, etf.Unmarshal(term(t, a("x")), new(celsius)), &mismatch)
	require.NotErrorAs(t, etf.Unmarshal([]byte("\x83"), new(int)), &mismatch)
}

// What an error is wrapped in has the same offset, whichever bytes it was found in.
func TestOffsetsOfErrorsAreOfTheData(t *testing.T) {
	type open struct {
		_ struct{} `etf:",proplist"`
		N int
	}
	for _, c := range []struct {
		into, term any
		offset     int
	}{
		{new([]string), etf.List{1, 2}, 4},
		{new(open), etf.List{etf.Tuple{a("x"), 1}, a("n")}, 13},
		{&struct {
			_ struct{}       `etf:",tuple"`
			M map[string]int `etf:"m,proplist"`
		}{}, etf.Tuple{etf.List{a("n")}}, 8},
		{new([]celsius), etf.List{etf.Tuple{a("celsius"), a("x")}}, 6},
	} {
		var whole *etf.UnmarshalError
		var kind *etf.KindError
		err := etf.Unmarshal(term(t, c.term), c.into)
		require.ErrorAs(t, err, &whole)
		require.ErrorAs(t, err, &kind)
		require.Equal(t, []int{c.offset, c.offset}, []int{whole.Offset, kind.Offset}, "%T", c.into)
	}
}

func TestNumbersAndAddressesLoseNothing(t *testing.T) {
	require.ErrorContains(t, etf.Unmarshal(term(t, 1<<24+1), new(float32)), "integer that no float32 is equal to")
	require.Equal(t, float32(1<<24), read[float32](t, etf.Options{}, 1<<24))
	require.Equal(t, float32(1.1), read[float32](t, etf.Options{}, 1.1), "a float is rounded")
	_, err := etf.Marshal(netip.AddrPortFrom(netip.Addr{}, 80))
	require.EqualError(t, err, "etf: port 80 without an address")
	err = etf.Unmarshal(term(t, etf.Tuple{a("undefined"), 80}), new(netip.AddrPort))
	require.ErrorContains(t, err, "port 80 without an address")
	data, err := etf.Marshal(netip.AddrPort{})
	require.NoError(t, err)
	require.Equal(t, term(t, a("undefined")), data)
}

func TestOmitemptyIsNotForStructs(t *testing.T) {
	type all struct {
		T time.Time      `etf:"t,omitempty"`
		A netip.AddrPort `etf:"a,omitempty"`
		I inner          `etf:"i,omitempty"`
		B big.Int        `etf:"b,omitempty"`
		N int            `etf:"n,omitempty"`
		P *big.Int       `etf:"p,omitempty"`
		Z time.Time      `etf:"z,omitzero"`
	}
	data, err := etf.Marshal(all{})
	require.NoError(t, err)
	require.Equal(t, term(t, etf.Map{
		{a("t"), b("0001-01-01T00:00:00Z")}, {a("a"), a("undefined")}, {a("i"), etf.Map{{a("name"), b("")}}}, {a("b"), 0},
	}), data)
}
