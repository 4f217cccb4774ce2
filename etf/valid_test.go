package etf_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// malformed is what everyone must refuse, and at which offset.
var malformed = []struct {
	name, hex string
	offset    int
	msg       string
}{
	{"nothing", "", 0, "no data"},
	{"another version", "826a", 0, "no version byte 131"},
	{"version alone", "83", 1, "data ends"},
	{"two terms", "836a6a", 2, "bytes behind the term"},
	{"version twice", "83836a", 1, "unknown tag"},
	{"tag 0", "8300", 1, "unknown tag"},
	{"ATOM_CACHE_REF", "835200", 1, "unknown tag"},
	{"LOCAL_EXT", "83790000000000000000", 1, "unknown tag"},
	{"FUN_EXT", "8375000000006a", 1, "unknown tag"},
	{"compressed", "835000000196789ccb616060484961604c1cc5830767010030464e93", 1, "compressed term"},
	{"compressed within", "836801500000000178", 3, "compressed term"},
	{"binary too long", "836d0000000161" + "", 0, ""},
	{"binary too long by one", "836d000000026f", 1, "length of more bytes"},
	{"string too long", "836b00026f", 1, "data ends"},
	{"tuple of too many", "8368026a", 1, "count of more terms"},
	{"tuple that ends early", "8368026d000000006a", 0, ""},
	{"tuple that lacks one", "8368026100", 5, "data ends"},
	{"large tuple of too many", "8369000000026a", 1, "count of more terms"},
	{"list without a tail", "836c000000016a", 1, "count of more terms"},
	{"list that lacks its tail", "836c000000016100", 8, "data ends"},
	{"map of too many", "8374000000016a", 1, "count of more terms"},
	{"map of 2^31 pairs", "8374800000006a6a", 1, "count of more terms"},
	{"not a number", "83467ff8000000000001", 1, "float that is not finite"},
	{"infinity", "83467ff0000000000000", 1, "float that is not finite"},
	{"minus infinity", "8346fff0000000000000", 1, "float that is not finite"},
	{"text of a float: inf", "8363696e66" + rep(28, "00"), 1, "float whose text"},
	{"text of a float: 0x1p-2", "836330783170" + "2d32" + rep(25, "00"), 1, "float whose text"},
	{"text of a float: 1_0", "8363315f30" + rep(28, "00"), 1, "float whose text"},
	{"text of a float: 1e999", "83633165393939" + rep(26, "00"), 1, "float whose text"},
	{"text of a float: no point", "836331" + rep(30, "00"), 1, "float whose text"},
	{"text of a float: no point, an exponent", "8363316535" + rep(28, "00"), 1, "float whose text"},
	{"text of a float: no digit before the point", "83632e35" + rep(29, "00"), 1, "float whose text"},
	{"text of a float: no digit behind the point", "8363312e" + rep(29, "00"), 1, "float whose text"},
	{"text of a float: no zero behind it", "8363312e" + rep(29, "30"), 1, "float whose text"},
	{"text of a float: a comma, which the BEAM takes or not, by its locale", "8363312c35" + rep(28, "00"), 1, "float whose text"},
	{"text of a float: none", "8363" + rep(31, "00"), 1, "float whose text"},
	{"text of a float: 1, then dirt", "8363310061" + rep(28, "00"), 1, "float whose text"},
	{"atom that is not UTF-8", "837701ff", 1, "atom that is not UTF-8"},
	{"atom with a surrogate", "837703eda080", 1, "atom that is not UTF-8"},
	{"Latin-1 atom of 256", "83640100" + rep(256, "61"), 1, "more than 255 characters"},
	{"UTF-8 atom of 256", "83760100" + rep(256, "61"), 1, "more than 255 characters"},
	{"UTF-8 atom of 256 two-byte characters", "83760200" + rep(256, "c3a9"), 1, "more than 255 characters"},
	{"bit string of no bits", "834d0000000100ff", 1, "count of bits"},
	{"bit string of nine bits", "834d0000000109ff", 1, "count of bits"},
	{"bit string without bytes", "834d0000000003", 1, "count of bits"},
	{"pid whose node is no atom", "83586100" + rep(12, "00"), 2, "no atom"},
	{"reference of no words", "835a000077016e" + rep(4, "00"), 1, "one, two, three or five words"},
	{"old reference of no words", "8372000077016e" + "00", 1, "one, two, three or five words"},
	{"reference of four words", "835a000477016e" + rep(20, "00"), 1, "one, two, three or five words"},
	{"reference of six words", "835a000677016e" + rep(28, "00"), 1, "one, two, three or five words"},
	{"export of an arity of four bytes", "837177016177016262" + "00000001", 8, "wrong term within a fun"},
	{"fun whose module is no atom", "8370" + rep(29, "00") + "6a", 31, "no atom"},
	{"fun whose pid is none", "8370" + rep(29, "00") + "770161" + "6100" + "6100" + "6a", 38, "wrong term within a fun"},
	{"fun of 4G variables", "8370" + rep(25, "00") + "ffffffff" + "770161" + "6100" + "6100" + "5877016e" + rep(12, "00"), 1, "more than 255 free variables"},
	{"fun of 256 variables", "8370" + rep(25, "00") + "00000100" + "770161" + "6100" + "6100" + "5877016e" + rep(12, "00") + rep(256, "6a"), 1, "more than 255 free variables"},
	{"fun of 255 variables", "8370" + rep(25, "00") + "000000ff" + "770161" + "6100" + "6100" + "5877016e" + rep(12, "00") + rep(255, "6a"), 0, ""},
	{"fun of more variables than there are", "8370" + rep(25, "00") + "000000ff" + "770161" + "6100" + "6100" + "5877016e" + rep(12, "00") + "6a", 1, "count of more terms"},
}

// mapKeys are maps, and at which offset a key is that stood there before; 0: none.
var mapKeys = []struct {
	name, hex string
	offset    int
}{
	{"key twice", "837400000002" + "6d0000000161" + "6101" + "6d0000000161" + "6102", 14},
	{"key twice, as two forms of an integer", "837400000002" + "6101" + "6a" + "6200000001" + "6a", 9},
	{"key twice, as two forms of a negative integer", "837400000002" + "62ffffffff" + "6a" + "6e010101" + "6a", 12},
	{"key twice, as two forms of an atom", "837400000002" + "7301e9" + "6a" + "7702c3a9" + "6a", 10},
	{"key twice, as two forms of a float", "837400000002" + "463ff8000000000000" + "6a" + "63312e35" + rep(28, "00") + "6a", 16},
	{"key twice, as two forms of a list", "837400000002" + "6b00020102" + "6a" + "6c00000001" + "6101" + "6c00000001" + "6102" + "6a" + "6a", 12},
	{"key twice, as two forms of a tuple", "837400000002" + "680161" + "01" + "6a" + "6900000001" + "6101" + "6a", 11},
	{"key twice, as two orders of a map", "837400000002" + "740000000261016a61026a" + "6a" + "740000000261026a61016a" + "6a", 18},
	{"key twice, as bits and bytes", "837400000002" + "6d0000000161" + "6a" + "4d000000010861" + "6a", 13},
	{"key twice, but for bits that do not count", "837400000002" + "4d0000000104a0" + "6a" + "4d0000000104af" + "6a", 14},
	{"key twice in a map that is a value", "837400000001" + "6101" + "740000000261016a61016a", 16},
	{"key twice in a map within a key", "837400000002" + "6801" + "740000000261016a61016a" + "6a" + "6a6a", 8},
	{"33 keys, the last of them twice", "837400000021" + smallKeys(32) + "611f6a", 102},
	{"keys of two kinds with the same text", "837400000003" + "6d0000000161" + "6a" + "770161" + "6a" + "6161" + "6a", 0},
	{"1 and 1.0 as keys", "837400000002" + "6101" + "6a" + "463ff0000000000000" + "6a", 0},
	{"the same key in a map and in one within it", "837400000001" + "6101" + "740000000161016a", 0},
	{"33 keys", "837400000021" + smallKeys(33), 0},
}

func TestAKeyThatAMapHasTwiceIsASyntaxError(t *testing.T) {
	for _, m := range mapKeys {
		t.Run(m.name, func(t *testing.T) {
			data := unhex(t, m.hex)
			require.NoError(t, skipAll(string(data)))
			err := etf.Valid(string(data), etf.Limits{})
			_, decodeErr := etf.Decode(data, etf.Limits{})
			require.Equal(t, err, decodeErr)
			if m.offset == 0 {
				require.NoError(t, err)
				return
			}
			require.Equal(t, &etf.SyntaxError{Offset: m.offset, Msg: "key that is in its map twice"}, err)
		})
	}
}

// smallKeys is n pairs, in hexadecimal: 0 => [], 1 => [] ...
func smallKeys(n int) string {
	pairs := ""
	for i := range n {
		pairs += fmt.Sprintf("61%02x6a", i)
	}
	return pairs
}

func TestMalformedDataIsASyntaxError(t *testing.T) {
	for _, m := range malformed {
		t.Run(m.name, func(t *testing.T) {
			data := unhex(t, m.hex)
			err := etf.Valid(string(data), etf.Limits{})
			_, decodeErr := etf.Decode(data, etf.Limits{})
			require.Equal(t, err, decodeErr)
			if m.msg == "" { // the twin that is good
				require.NoError(t, err)
				return
			}
			var syntax *etf.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.Equal(t, m.offset, syntax.Offset)
			require.ErrorContains(t, err, m.msg)
			require.True(t, strings.HasPrefix(err.Error(), "etf: "))
			require.Error(t, skipAll(string(data)))
		})
	}
}

func skipAll(data string) error {
	r, err := etf.NewReader(data)
	if err != nil {
		return err
	}
	return errors.Join(r.Skip(), r.End())
}

// nested is a term of as many levels: {{...[]...}}.
func nested(depth int) string {
	return "\x83" + strings.Repeat("h\x01", depth) + "j"
}

func requireLimit(t *testing.T, data string, lim etf.Limits, want *etf.LimitError) {
	t.Helper()
	var got *etf.LimitError
	require.ErrorAs(t, etf.Valid(data, lim), &got)
	require.Less(t, got.Offset, len(data))
	require.Equal(t, want.Limit != "MaxBytes", got.Offset > 0, "MaxBytes is of no term")
	want.Offset = got.Offset
	require.Equal(t, want, got)
	_, err := etf.Decode([]byte(data), lim)
	require.Equal(t, want, err)
}

func requireWithin(t *testing.T, data string, lim etf.Limits) {
	t.Helper()
	require.NoError(t, etf.Valid(data, lim))
	_, err := etf.Decode([]byte(data), lim)
	require.NoError(t, err)
}

func TestMaxDepthPassesAndOneMoreFails(t *testing.T) {
	for _, max := range []int{1, 2, 63, 64, 65, 200} {
		lim := etf.Limits{MaxDepth: max}
		requireWithin(t, nested(max), lim)
		requireLimit(t, nested(max+1), lim, &etf.LimitError{Limit: "MaxDepth", Max: max, Got: max + 1})
	}
	for _, unset := range []int{0, -1} {
		lim := etf.Limits{MaxDepth: unset}
		requireWithin(t, nested(etf.DefaultMaxDepth), lim)
		requireLimit(t, nested(etf.DefaultMaxDepth+1), lim, &etf.LimitError{Limit: "MaxDepth", Max: 64, Got: 65})
	}
}

func TestMaxDepthHasAMaximum(t *testing.T) {
	lim := etf.Limits{MaxDepth: 1 << 30}
	requireWithin(t, nested(1<<16), lim)
	requireLimit(t, nested(1<<16+1), lim, &etf.LimitError{Limit: "MaxDepth", Max: 1 << 16, Got: 1<<16 + 1})
}

func TestMaxDepthCountsEveryHolder(t *testing.T) {
	for name, hex := range map[string]string{
		"tuple":       "68016a",
		"large tuple": "69000000016a",
		"list":        "6c000000016a6a",
		"list's tail": "6c000000006a",
		"map":         "74000000016a6a",
		"fun":         "70" + rep(25, "00") + "00000001" + "770161" + "6100" + "6100" + "5877016e" + rep(12, "00") + "6a",
	} {
		t.Run(name, func(t *testing.T) {
			data := "\x83h\x01" + string(unhex(t, hex))
			requireWithin(t, data, etf.Limits{MaxDepth: 2})
			requireLimit(t, data, etf.Limits{MaxDepth: 1}, &etf.LimitError{Limit: "MaxDepth", Max: 1, Got: 2})
		})
	}
}

func TestMaxTermsPassesAndOneMoreFails(t *testing.T) {
	for name, c := range map[string]struct {
		hex   string
		terms int
	}{
		"integer":      {"836105", 1},
		"tuple":        {"8368026a6a", 3},
		"tuple, deep":  {"836801680168016a", 4},
		"list, tail":   {"836c0000000262000001006201000000" + "6a", 4},
		"map":          {"837400000001" + "6a6a", 3},
		"string":       {"836b0003616263", 4},
		"empty string": {"836b0000", 1},
	} {
		t.Run(name, func(t *testing.T) {
			data := string(unhex(t, c.hex))
			requireWithin(t, data, etf.Limits{MaxTerms: c.terms})
			if c.terms > 1 {
				requireLimit(t, data, etf.Limits{MaxTerms: c.terms - 1}, &etf.LimitError{Limit: "MaxTerms", Max: c.terms - 1, Got: c.terms})
			}
		})
	}
}

func TestDefaultMaxTermsPassesAndOneMoreFails(t *testing.T) {
	tuple := func(n int) string {
		return string(etf.AppendTuple(etf.AppendVersion(nil), n)) + strings.Repeat("j", n)
	}
	requireWithin(t, tuple(etf.DefaultMaxTerms-1), etf.Limits{})
	requireLimit(t, tuple(etf.DefaultMaxTerms), etf.Limits{},
		&etf.LimitError{Limit: "MaxTerms", Max: 262144, Got: 262145})
}

func TestMaxBytesPassesAndOneMoreFails(t *testing.T) {
	binary := func(size int) string {
		return string(etf.AppendBinary(etf.AppendVersion(nil), make([]byte, size-6)))
	}
	requireWithin(t, binary(100), etf.Limits{MaxBytes: 100})
	requireLimit(t, binary(101), etf.Limits{MaxBytes: 100}, &etf.LimitError{Limit: "MaxBytes", Max: 100, Got: 101})
	requireWithin(t, binary(etf.DefaultMaxBytes), etf.Limits{})
	requireLimit(t, binary(etf.DefaultMaxBytes+1), etf.Limits{},
		&etf.LimitError{Limit: "MaxBytes", Max: 16777216, Got: 16777217})
}

// hostile are few bytes that claim much.
func hostile() map[string]string {
	claims := "\xff\xff\xff\xff"
	return map[string]string{
		"tuple of 4G":        "\x83i" + claims,
		"list of 4G":         "\x83l" + claims,
		"map of 4G":          "\x83t" + claims,
		"binary of 4G":       "\x83m" + claims,
		"bits of 4G":         "\x83M" + claims + "\x08",
		"big of 4G":          "\x83o" + claims + "\x00",
		"fun of 4G":          "\x83p" + claims + strings.Repeat("\xff", 25) + "w\x01aa\x00a\x00",
		"compressed to 4G":   "\x83P" + claims + "x\x9c",
		"tuples of the rest": restTuples(1 << 10),
		"a million levels":   "\x83" + strings.Repeat("h\x01", 1<<20),
		"lists in lists":     "\x83" + strings.Repeat("l\x00\x00\x00\x01", 1<<18),
		"tails of tails":     "\x83" + strings.Repeat("l\x00\x00\x00\x00", 1<<18),
	}
}

// restTuples claims, in every tuple, as many terms as there are bytes left:
// each count may be true, all of them cannot.
func restTuples(n int) string {
	b := etf.AppendVersion(nil)
	for i := n; i > 0; i-- {
		b = etf.AppendTuple(b, 5*(i-1)+256)
	}
	return string(b) + strings.Repeat("j", 256)
}

func TestHostileClaimsCostNoMemory(t *testing.T) {
	for name, data := range hostile() {
		t.Run(name, func(t *testing.T) {
			bytes := []byte(data)
			const errs = 16 << 10 // what require and the errors take
			require.Less(t, allocated(func() {
				require.Error(t, etf.Valid(data, etf.Limits{}))
				require.Error(t, skipAll(data))
			}), uint64(errs))
			require.Less(t, allocated(func() {
				_, err := etf.Decode(bytes, etf.Limits{})
				require.Error(t, err)
			}), uint64(2*len(data)+errs), "the copy, rounded up")
			require.Less(t, allocated(func() {
				r, _ := etf.NewReader(data)
				_, err := r.AppendIodata(nil)
				require.Error(t, err)
			}), uint64(4*len(data)+errs), "the counts of the open lists")
			require.Less(t, allocated(func() {
				require.Error(t, etf.Valid(data, etf.Limits{MaxDepth: 1 << 30}))
			}), uint64(4<<20), "the counts of 65536 levels")
		})
	}
}

// The worst that good terms do: each of one or two bytes, each with a value.
func TestDecodedTermsStayWithinTheStatedMultiple(t *testing.T) {
	fill := func(n int, term string) []byte {
		b := etf.AppendList(etf.AppendVersion(nil), n)
		return append(b, strings.Repeat(term, n)+"j"...)
	}
	for name, data := range map[string][]byte{
		"empty lists":  fill(200_000, "j"),
		"empty tuples": fill(200_000, "h\x00"),
		"bigs":         fill(200_000, "n\x00\x00"),
		"empty maps":   fill(200_000, "t\x00\x00\x00\x00"),
		"bytes":        fill(100_000, "a\x00"),
		"atoms":        fill(100_000, "s\x01\xe9"),
		"nested":       fill(100_000, "h\x01j"),
		"pairs":        fill(80_000, "t\x00\x00\x00\x01jj"),
	} {
		t.Run(name, func(t *testing.T) {
			spent := allocated(func() {
				_, err := etf.Decode(data, etf.Limits{MaxAtoms: 100_000, MaxPairs: 100_000})
				require.NoError(t, err)
			})
			t.Logf("%.1f bytes for each", float64(spent)/float64(len(data)))
			require.Less(t, spent, uint64(25*len(data)))
			require.Less(t, spent, uint64(20<<20))
		})
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestValidDoesNotAllocate(t *testing.T) {
	for _, data := range []string{requestTerm(), nested(64)} {
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if err := etf.Valid(data, etf.Limits{}); err != nil {
				t.Fatal(err)
			}
		}))
	}
}
