package etf_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
	"github.com/gwport/gwport/test/terms"
)

// on returns a Reader on a term that the test has at hand as Go values.
func on(t *testing.T, term any) etf.Reader {
	t.Helper()
	data, err := etf.Append(etf.AppendVersion(nil), term)
	require.NoError(t, err)
	return onBytes(t, string(data))
}

func onBytes(t *testing.T, data string) etf.Reader {
	t.Helper()
	r, err := etf.NewReader(data)
	require.NoError(t, err)
	require.Equal(t, 1, r.Offset())
	return r
}

func TestReaderReadsARequestWithoutAllocating(t *testing.T) {
	data, want := requestTerm(), terms.Browser()
	req := terms.Request{Headers: make([]terms.Header, 0, len(want.Headers))}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if err := terms.Read(data, &req); err != nil {
			t.Fatal(err)
		}
	}))
	require.Equal(t, *want, req)
}

// requestTerm is about what the bridge is sent for each request: a map with
// binary keys, and a list of header pairs.
func requestTerm() string {
	data, err := etf.Marshal(terms.Browser())
	if err != nil {
		panic(err)
	}
	return string(data)
}

func TestReaderStaysWhereItIsOnTheWrongKind(t *testing.T) {
	terms := map[etf.Kind]any{
		etf.KindInteger: 7, etf.KindFloat: 1.5, etf.KindAtom: etf.Atom("a"), etf.KindBinary: "b",
		etf.KindTuple: etf.Tuple{1}, etf.KindList: etf.List{"x"}, etf.KindMap: etf.Map{{Key: 1, Value: 2}},
		etf.KindOther: etf.Raw(unhex(t, "676400016e000000010000000200")),
	}
	reads := map[etf.Kind]func(*etf.Reader) error{
		etf.KindInteger: func(r *etf.Reader) error { _, err := r.Int(); return err },
		etf.KindFloat:   func(r *etf.Reader) error { _, err := r.Float(); return err },
		etf.KindAtom:    func(r *etf.Reader) error { _, err := r.Atom(); return err },
		etf.KindBinary:  func(r *etf.Reader) error { _, err := r.Binary(); return err },
		etf.KindTuple:   func(r *etf.Reader) error { _, err := r.Tuple(); return err },
		etf.KindList:    func(r *etf.Reader) error { _, err := r.List(); return err },
		etf.KindMap:     func(r *etf.Reader) error { _, err := r.Map(); return err },
	}
	for got, term := range terms {
		for want, read := range reads {
			r := on(t, term)
			require.Equal(t, got, r.Kind())
			before := r
			err := read(&r)
			if got == want {
				require.NoError(t, err)
				require.NotEqual(t, before, r)
				continue
			}
			require.Equal(t, &etf.KindError{Offset: 1, Want: want, Got: got}, err)
			require.Equal(t, before, r)
		}
	}
}

func TestReaderAtTheEnd(t *testing.T) {
	for name, r := range map[string]etf.Reader{"zero": {}, "version alone": onBytes(t, "\x83")} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, etf.KindNone, r.Kind())
			var syntax *etf.SyntaxError
			_, err := r.Tuple()
			require.ErrorAs(t, err, &syntax)
			_, err = r.List()
			require.ErrorAs(t, err, &syntax)
			_, err = r.Binary()
			require.ErrorAs(t, err, &syntax)
			require.ErrorAs(t, r.EndList(), &syntax)
			require.ErrorAs(t, r.Skip(), &syntax)
			require.NoError(t, r.End())
		})
	}
}

func TestIntReadsWhatFitsInt64(t *testing.T) {
	for _, n := range []int64{0, 255, 256, -1, math.MaxInt32, math.MinInt32, math.MaxInt64, math.MinInt64} {
		r := on(t, n)
		got, err := r.Int()
		require.NoError(t, err)
		require.Equal(t, n, got)
		require.NoError(t, r.End())
	}
	for hex, bits := range map[string]int{
		"836e08000000000000000080":   64,
		"836e08010100000000000080":   64,
		"836e0900000000000000000001": 65,
	} {
		r := onBytes(t, string(unhex(t, hex)))
		_, err := r.Int()
		require.Equal(t, &etf.LimitError{Limit: "int64 bits", Max: 63, Got: bits, Offset: 1}, err)
		require.Equal(t, 1, r.Offset())
		require.NoError(t, r.Skip())
	}
}

// A Reader that no Valid has gone before finds out by itself.
func TestReaderRefusesTermsThatAreCutShort(t *testing.T) {
	for hex, read := range map[string]func(*etf.Reader) error{
		"8362000001":   func(r *etf.Reader) error { _, err := r.Int(); return err },
		"83463ff80000": func(r *etf.Reader) error { _, err := r.Float(); return err },
		"8377026f":     func(r *etf.Reader) error { _, err := r.Atom(); return err },
		"836d00000001": func(r *etf.Reader) error { _, err := r.Binary(); return err },
		"83680261":     func(r *etf.Reader) error { _, err := r.Tuple(); return err },
		"837400000001": func(r *etf.Reader) error { _, err := r.Map(); return err },
		"836c00000001": func(r *etf.Reader) error { _, err := r.List(); return err },
		"836b000161":   func(r *etf.Reader) error { _, err := r.Atom(); return err }, // a list: KindError
		"836b000261":   func(r *etf.Reader) error { _, err := r.List(); return err },
		"8300":         func(r *etf.Reader) error { _, err := r.Map(); return err },
	} {
		r := onBytes(t, string(unhex(t, hex)))
		require.ErrorContains(t, read(&r), "offset 1", hex)
		require.Equal(t, 1, r.Offset())
	}
}

func TestErrorsReadAsSentences(t *testing.T) {
	for want, err := range map[string]error{
		"etf: unknown tag at offset 7":                      &etf.SyntaxError{Offset: 7, Msg: "unknown tag"},
		"etf: limit MaxDepth is 64, got 65":                 &etf.LimitError{Limit: "MaxDepth", Max: 64, Got: 65},
		"etf: atom where binary is wanted at offset 7":      &etf.KindError{Offset: 7, Want: etf.KindBinary, Got: etf.KindAtom},
		"etf: unknown kind where map is wanted at offset 1": &etf.KindError{Offset: 1, Want: etf.KindMap, Got: 99},
	} {
		require.EqualError(t, err, want)
	}
}

// Every kind of list is read by the same lines.
func readInts(r *etf.Reader) ([]int64, error) {
	n, err := r.List()
	if err != nil {
		return nil, err
	}
	ints := make([]int64, n)
	for i := range ints {
		if ints[i], err = r.Int(); err != nil {
			return nil, err
		}
	}
	return ints, r.EndList()
}

func TestListsOfEveryFormReadTheSame(t *testing.T) {
	for hex, want := range map[string][]int64{
		"836a":                              {},
		"836b0000":                          {},
		"836c000000006a":                    {},
		"836b0003010203":                    {1, 2, 3},
		"836c000000036101610261036a":        {1, 2, 3},
		"836c0000000262000001006101" + "6a": {256, 1},
	} {
		r := onBytes(t, string(unhex(t, hex)))
		require.Equal(t, etf.KindList, r.Kind())
		got, err := readInts(&r)
		require.NoError(t, err, hex)
		require.Equal(t, want, got)
		require.NoError(t, r.End())
	}
}

func TestListsWithinListsReadTheSame(t *testing.T) {
	r := on(t, etf.List{etf.List{}, etf.List{1, 2}, etf.List{}})
	n, err := r.List()
	require.NoError(t, err)
	require.Equal(t, 3, n)
	for _, want := range [][]int64{{}, {1, 2}, {}} {
		got, err := readInts(&r)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	require.NoError(t, r.EndList())
	require.NoError(t, r.End())
}

func TestElementsOfAStringAreIntegers(t *testing.T) {
	r := on(t, etf.List{1, 2})
	n, err := r.List()
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, etf.KindInteger, r.Kind())
	_, err = r.Binary()
	require.Equal(t, &etf.KindError{Offset: 4, Want: etf.KindBinary, Got: etf.KindInteger}, err)
	_, err = r.AppendIodata(nil)
	require.Error(t, err)
	require.NoError(t, r.Skip())
	require.Error(t, r.EndList(), "one is left")
	require.Error(t, r.End(), "one is left")
	two, err := r.Int()
	require.NoError(t, err)
	require.Equal(t, int64(2), two)
	require.Equal(t, etf.KindNone, r.Kind())
	_, err = r.Int()
	require.ErrorContains(t, err, "no more elements")
	require.ErrorContains(t, r.Skip(), "no more elements")
	require.Error(t, r.End(), "the list is not ended")
	require.NoError(t, r.EndList())
	require.NoError(t, r.End())
}

func TestEndListWantsAProperList(t *testing.T) {
	r := on(t, etf.Improper{Elems: etf.List{1}, Tail: 2})
	_, err := readInts(&r)
	require.ErrorContains(t, err, "no end of the list")
}

func TestSkipGoesAsDeepAsTheData(t *testing.T) {
	r := onBytes(t, nested(1_000_000))
	require.Zero(t, testing.AllocsPerRun(10, func() { // of one run the runtime's own could be taken for ours
		c := r
		if c.Skip() != nil || c.End() != nil {
			t.Fatal("not skipped")
		}
	}))
}

func TestAppendIodata(t *testing.T) {
	deep := any(etf.List{})
	for range 1000 {
		deep = etf.List{deep, "x"}
	}
	for name, c := range map[string]struct {
		term any
		want string
	}{
		"binary":         {"abc", "abc"},
		"empty binary":   {"", ""},
		"nil":            {etf.List{}, ""},
		"string":         {etf.List{'a', 'b'}, "ab"},
		"list":           {etf.List{"a", 'b', etf.List{"c", etf.List{}, etf.List{'d', "e"}}, "f"}, "abcdef"},
		"improper":       {etf.Improper{Elems: etf.List{'a', "b"}, Tail: "c"}, "abc"},
		"improper, deep": {etf.List{etf.Improper{Elems: etf.List{'a'}, Tail: "b"}, etf.Improper{Elems: etf.List{"c"}, Tail: "d"}, 'e'}, "abcde"},
		"1000 levels":    {deep, strings.Repeat("x", 1000)},
		"tails":          {etf.Raw(strings.Repeat("l\x00\x00\x00\x01m\x00\x00\x00\x01x", 1000) + "k\x00\x01y"), strings.Repeat("x", 1000) + "y"},
	} {
		t.Run(name, func(t *testing.T) {
			r := on(t, etf.Tuple{c.term, etf.Atom("next")})
			_, err := r.Tuple()
			require.NoError(t, err)
			got, err := r.AppendIodata([]byte("> "))
			require.NoError(t, err)
			require.Equal(t, "> "+c.want, string(got))
			next, err := r.Atom()
			require.NoError(t, err)
			require.Equal(t, "next", next)
			require.NoError(t, r.End())
		})
	}
}

func TestAppendIodataRefusesOtherTerms(t *testing.T) {
	for name, term := range map[string]any{
		"byte":             7,
		"atom":             etf.Atom("a"),
		"atom within":      etf.List{"a", etf.Atom("b")},
		"256":              etf.List{"a", 256},
		"minus one":        etf.List{-1},
		"tuple":            etf.List{etf.Tuple{}},
		"byte as the tail": etf.Improper{Elems: etf.List{1}, Tail: 2},
		"atom as the tail": etf.Improper{Elems: etf.List{1}, Tail: etf.Atom("a")},
		"bits":             etf.Raw("M\x00\x00\x00\x01\x03\xa0"),
		"no end":           etf.Tuple{},
	} {
		t.Run(name, func(t *testing.T) {
			r := on(t, term)
			got, err := r.AppendIodata([]byte("> "))
			require.Error(t, err)
			require.Equal(t, "> ", string(got))
			require.Equal(t, 1, r.Offset())
		})
	}
}

func TestAppendIodataDoesNotAllocate(t *testing.T) {
	r := on(t, etf.List{"abc", etf.List{'d', etf.List{"ef"}}, "g"})
	dst := make([]byte, 0, 16)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		c := r
		if out, err := c.AppendIodata(dst); err != nil || string(out) != "abcdefg" {
			t.Fatal(out, err)
		}
	}))
}
