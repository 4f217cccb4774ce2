package etf_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// packed compresses a term that stands behind its version byte, as Erlang does.
func packed(t testing.TB, data string) string {
	t.Helper()
	var out bytes.Buffer
	out.WriteString("\x83P")
	out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(data)-1)))
	z := zlib.NewWriter(&out)
	_, err := z.Write([]byte(data[1:]))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.String()
}

func decodeBoth(t testing.TB, o etf.Options, data string) (any, error) {
	t.Helper()
	term, err := o.Decode([]byte(data))
	require.Equal(t, err, o.Valid(data))
	return term, err
}

func TestCompressedTermsAreReadWhereTheyAreAllowed(t *testing.T) {
	data := packed(t, requestTerm())
	_, err := decodeBoth(t, etf.Options{}, data)
	require.ErrorContains(t, err, "compressed term")
	want, err := etf.Decode([]byte(requestTerm()), etf.Limits{})
	require.NoError(t, err)
	o := etf.Options{AllowCompressed: true}
	term, err := decodeBoth(t, o, data)
	require.NoError(t, err)
	require.Equal(t, want, term)
	term, err = decodeBoth(t, o, requestTerm())
	require.NoError(t, err)
	require.Equal(t, want, term)
	for n := range len(data) {
		_, err = decodeBoth(t, o, data[:n])
		require.Error(t, err)
	}
	_, err = decodeBoth(t, o, data+"x")
	require.Equal(t, &etf.SyntaxError{Offset: len(data), Msg: "bytes behind the term"}, err)
	term, n, err := o.DecodeFirst([]byte(data + "x"))
	require.NoError(t, err)
	require.Equal(t, want, term)
	require.Equal(t, len(data), n)
}

func TestCompressedTermsThatLieAreRefused(t *testing.T) {
	good := packed(t, "\x83l\x00\x00\x00\x02a\x05jj")
	o := etf.Options{AllowCompressed: true}
	_, err := decodeBoth(t, o, good)
	require.NoError(t, err)
	for name, data := range map[string]string{
		"a length one too small": good[:5] + string(good[5]-1) + good[6:],
		"a length one too large": good[:5] + string(good[5]+1) + good[6:],
		"a length of 4 GiB":      good[:2] + "\xff\xff\xff\xff" + good[6:],
		"a length of 10 MiB":     good[:2] + "\x00\xa0\x00\x00" + good[6:],
		"a wrong checksum":       good[:len(good)-1] + string(good[len(good)-1]^1),
		"no zlib":                good[:6] + "\x00\x00" + good[8:],
		"one within another":     packed(t, good),
		"no term":                packed(t, "\x83\x00"),
		"bytes behind the term":  packed(t, "\x83jj"),
		"a version byte within":  packed(t, "\x83\x83j"),
	} {
		t.Run(name, func(t *testing.T) {
			spent := allocated(func() {
				_, err := decodeBoth(t, o, data)
				require.Error(t, err)
				require.True(t, strings.HasPrefix(err.Error(), "etf: "))
			})
			require.Less(t, spent, uint64(1<<20))
		})
	}
}

func TestMaxBytesHoldsForWhatIsInflated(t *testing.T) {
	term := string(etf.AppendBinary(etf.AppendVersion(nil), make([]byte, 10_000)))
	data := packed(t, term)
	require.Less(t, len(data), 100)
	o := etf.Options{Limits: etf.Limits{MaxBytes: len(term)}, AllowCompressed: true}
	_, err := decodeBoth(t, o, data)
	require.NoError(t, err)
	o.MaxBytes--
	_, err = decodeBoth(t, o, data)
	require.Equal(t, &etf.LimitError{Limit: "MaxBytes", Max: len(term) - 1, Got: len(term)}, err)
}

func TestMaxMemoryHoldsBeforeATermIsInflated(t *testing.T) {
	term := string(etf.AppendBinary(etf.AppendVersion(nil), make([]byte, 10_000_000)))
	data := packed(t, term)
	o := etf.Options{Limits: etf.Limits{MaxMemory: len(term) - 1}, AllowCompressed: true}
	spent := allocated(func() {
		_, err := decodeBoth(t, o, data)
		require.Equal(t, &etf.LimitError{Limit: "MaxMemory", Max: len(term) - 1, Got: len(term)}, err)
		err = o.Unmarshal([]byte(data), new([]byte))
		require.ErrorContains(t, err, "MaxMemory")
	})
	require.Less(t, spent, uint64(1<<20))
	o.MaxMemory = 2 * len(term)
	_, err := decodeBoth(t, o, data)
	require.NoError(t, err)
}

func TestDuplicateKeysAreKeptWhereTheyAreAllowed(t *testing.T) {
	for _, m := range mapKeys {
		term, err := decodeBoth(t, etf.Options{AllowDuplicateKeys: true}, string(unhex(t, m.hex)))
		require.NoError(t, err, m.name)
		require.IsType(t, etf.Map{}, term)
	}
	data := string(unhex(t, mapKeys[0].hex))
	term, err := decodeBoth(t, etf.Options{AllowDuplicateKeys: true}, data)
	require.NoError(t, err)
	require.Equal(t, etf.Map{{Key: etf.Binary("a"), Value: int64(1)}, {Key: etf.Binary("a"), Value: int64(2)}}, term)
}

func TestTrailingBytesAreIgnoredWhereTheyAreAllowed(t *testing.T) {
	_, err := decodeBoth(t, etf.Options{}, "\x83ja")
	require.Equal(t, &etf.SyntaxError{Offset: 2, Msg: "bytes behind the term"}, err)
	term, err := decodeBoth(t, etf.Options{AllowTrailing: true}, "\x83ja")
	require.NoError(t, err)
	require.Equal(t, etf.List{}, term)
	data := []byte("\x83a\x05\x83a\x06")
	o := etf.Options{Limits: etf.Limits{MaxBytes: 3}}
	first, n, err := o.DecodeFirst(data)
	require.NoError(t, err, "MaxBytes is of the term, and not of those behind it")
	require.Equal(t, int64(5), first)
	require.Equal(t, 3, n)
	second, n, err := o.DecodeFirst(data[n:])
	require.NoError(t, err)
	require.Equal(t, int64(6), second)
	require.Equal(t, 3, n)
	_, _, err = o.DecodeFirst([]byte("\x83h\x01j"))
	require.Error(t, err, "a term of four bytes")
}

func TestLocalTermsAreCarriedWhereTheyAreAllowed(t *testing.T) {
	const data = "\x83y\x00\x01anything"
	_, err := decodeBoth(t, etf.Options{}, data)
	require.Equal(t, &etf.SyntaxError{Offset: 1, Msg: "unknown tag"}, err)
	_, err = etf.Append(nil, etf.Raw(data[1:]))
	require.Error(t, err)
	o := etf.Options{AllowLocal: true}
	term, err := decodeBoth(t, o, data)
	require.NoError(t, err)
	require.Equal(t, etf.Raw(data[1:]), term)
	again, err := o.Append(etf.AppendVersion(nil), term)
	require.NoError(t, err)
	require.Equal(t, data, string(again))
	_, err = o.Append(nil, etf.Tuple{term})
	require.Error(t, err, "nothing can stand behind it")
	_, err = decodeBoth(t, o, "\x83h\x01y\x00")
	require.Error(t, err)
}

// Each limit that bounds a sum or a size, with a term that is just within it.
func TestEveryLimitPassesAndOneMoreFails(t *testing.T) {
	atoms := func(n int) etf.List { return repeat(n, etf.Atom("a")) }
	big := func(n int) any {
		return etf.Raw("o" + string(binary.BigEndian.AppendUint32(nil, uint32(n))) + "\x00" + strings.Repeat("\x01", n))
	}
	pairs := func(n int) any {
		m := etf.Map{}
		for i := range n {
			m = append(m, etf.Pair{Key: int64(i), Value: etf.List{}})
		}
		return m
	}
	for _, c := range []struct {
		limit    string
		max      int
		set      func(*etf.Limits, int)
		max1     any // at the limit
		tooMuch  any
		maxTerms int
	}{
		{"MaxAtoms", 3, func(l *etf.Limits, n int) { l.MaxAtoms = n }, atoms(3), atoms(4), 0},
		{"MaxAtoms", etf.DefaultMaxAtoms, func(*etf.Limits, int) {}, atoms(65536), atoms(65537), 0},
		{"MaxBigBytes", 9, func(l *etf.Limits, n int) { l.MaxBigBytes = n }, big(9), big(10), 0},
		{"MaxBigBytes", etf.DefaultMaxBigBytes, func(l *etf.Limits, n int) { l.MaxBigBytes = -1 }, big(65536), big(65537), 0},
		{"MaxPairs", 3, func(l *etf.Limits, n int) { l.MaxPairs = n }, pairs(3), pairs(4), 0},
		{"MaxPairs", etf.DefaultMaxPairs, func(*etf.Limits, int) {}, pairs(65536), pairs(65537), 0},
	} {
		var lim etf.Limits
		c.set(&lim, c.max)
		data, err := etf.Append(etf.AppendVersion(nil), c.max1)
		require.NoError(t, err)
		requireWithin(t, string(data), lim)
		data, err = etf.Append(etf.AppendVersion(nil), c.tooMuch)
		require.NoError(t, err)
		requireLimit(t, string(data), lim, &etf.LimitError{Limit: c.limit, Max: c.max, Got: c.max + 1})
	}
}

func TestMaxMemoryPassesAndOneLessFails(t *testing.T) {
	data := string(etf.AppendVersion(nil)) + "h\x02m\x00\x00\x00\x01xb\x00\x00\x01\x00"
	const want = 14 + 2*16 + 24 + 16 + 8 // the data, two elements, the tuple, the binary, the integer
	requireWithin(t, data, etf.Limits{MaxMemory: want})
	requireLimit(t, data, etf.Limits{MaxMemory: want - 1}, &etf.LimitError{Limit: "MaxMemory", Max: want - 1, Got: want})

	// Some 48 bytes for each pair of empty lists in a list of tuples.
	lim := etf.Limits{MaxTerms: 1 << 30}
	many := func(n int) string {
		b := etf.AppendList(etf.AppendVersion(nil), n)
		return string(b) + strings.Repeat("h\x01j", n) + "j"
	}
	requireWithin(t, many(1_000_000), lim)
	require.ErrorContains(t, etf.Valid(many(2_000_000), lim), "limit MaxMemory is 67108864, got ")
}

// What walk adds up is what Decode allocates, and not much more.
func TestMemoryIsWhatDecodeAllocates(t *testing.T) {
	list := func(n int, term string) string {
		return string(etf.AppendList(etf.AppendVersion(nil), n)) + strings.Repeat(term, n) + "j"
	}
	tail := strings.Repeat("\x00\x00\x00\x07", 3)
	for name, data := range map[string]string{
		"request":   requestTerm(),
		"integers":  list(50_000, "b\x00\x01\x00\x00"),
		"bigs":      list(10_000, "n\x10\x00"+strings.Repeat("\x77", 16)),
		"floats":    list(50_000, "F\x3f\xf8\x00\x00\x00\x00\x00\x00"),
		"binaries":  list(50_000, "m\x00\x00\x00\x03abc"),
		"tuples":    list(50_000, "h\x02jj"),
		"lists":     list(20_000, "l\x00\x00\x00\x02jjj"),
		"impropers": list(20_000, "l\x00\x00\x00\x02jja\x01"),
		"maps":      list(20_000, "t\x00\x00\x00\x01jj"),
		"pids":      list(20_000, "Xw\x01n"+tail),
		"ports":     list(20_000, "Yw\x01n"+tail[:8]),
		"refs":      list(20_000, "Z\x00\x02w\x01n"+tail),
		"exports":   list(20_000, "qw\x01mw\x01fa\x02"),
		"bits":      list(20_000, "M\x00\x00\x00\x01\x03\xff"),
		"strings":   list(1_000, "k\x00\x64"+strings.Repeat("x", 100)),
		"funs":      list(5_000, "p"+strings.Repeat("\x00", 29)+"w\x01ma\x00a\x00Xw\x01n"+tail),
	} {
		t.Run(name, func(t *testing.T) {
			lim := etf.Limits{MaxBytes: 1 << 30, MaxTerms: 1 << 30}
			lim.MaxMemory = sort.Search(64<<20, func(n int) bool {
				lim.MaxMemory = n
				return n > 0 && etf.Valid(data, lim) == nil
			})
			bytes := []byte(data)
			spent := allocated(func() {
				_, err := etf.Decode(bytes, lim)
				require.NoError(t, err)
			})
			if raceDetector && (name == "integers" || name == "floats") {
				spent -= 8 * 50_000
			}
			t.Logf("%d counted, %d spent", lim.MaxMemory, spent)
			require.LessOrEqual(t, float64(spent), 1.13*float64(lim.MaxMemory)+2048)
			if strconv.IntSize == 64 { // what is counted is what Go's values take there
				require.Greater(t, float64(spent), 0.6*float64(lim.MaxMemory))
			}
		})
	}
}

// Strings and bytes are read the same way, and neither is copied.
func TestValidAndReaderTakeBytes(t *testing.T) {
	data := []byte(requestTerm())
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if err := etf.Valid(data, etf.Limits{}); err != nil {
			t.Fatal(err)
		}
		r, err := etf.NewReader(data)
		if err != nil || r.Skip() != nil || r.End() != nil {
			t.Fatal(err)
		}
	}))
	require.Error(t, etf.Valid([]byte(nil), etf.Limits{}))
	require.Error(t, etf.Valid(data[:len(data)-1], etf.Limits{}))
	type named []byte
	r, err := etf.NewReader(named("\x83m\x00\x00\x00\x02ab"))
	require.NoError(t, err)
	s, err := r.Binary()
	require.NoError(t, err)
	require.Equal(t, "ab", s)
}

func TestUnmarshalFirstSaysWhereTheNextTermBegins(t *testing.T) {
	second := packed(t, "\x83m\x00\x00\x00\x02ab")
	data := []byte("\x83a\x05" + second + "\x83\x00")
	o := etf.Options{AllowCompressed: true}
	n := 0
	end, err := o.UnmarshalFirst(data, &n)
	require.NoError(t, err)
	require.Equal(t, []int{5, 3}, []int{n, end})
	s := ""
	next, err := o.UnmarshalFirst(data[end:], &s)
	require.NoError(t, err)
	require.Equal(t, "ab", s)
	require.Equal(t, len(second), next)
	next, err = o.UnmarshalFirst(data[end+next:], &s)
	require.ErrorContains(t, err, "unknown tag")
	require.Zero(t, next)
	_, err = o.UnmarshalFirst(data, n)
	require.ErrorIs(t, err, etf.ErrNotPointer)
}
