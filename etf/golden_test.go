package etf_test

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// golden is a term, and the bytes that Erlang 25 made of it with
// term_to_binary(Term), and with [{minor_version, 2}], which is what OTP 26 and
// later do unasked. utf8 is empty where the two are the same.
type golden struct {
	erlang string
	latin1 string
	utf8   string
	value  any
}

func rep(n int, hex string) string { return strings.Repeat(hex, n) }

func pow2(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }

var goldens = []golden{
	{"0", "836100", "", int64(0)},
	{"255", "8361ff", "", int64(255)},
	{"256", "836200000100", "", int64(256)},
	{"-1", "8362ffffffff", "", int64(-1)},
	{"2147483647", "83627fffffff", "", int64(math.MaxInt32)},
	{"2147483648", "836e040000000080", "", int64(math.MaxInt32 + 1)},
	{"-2147483648", "836280000000", "", int64(math.MinInt32)},
	{"-2147483649", "836e040101000080", "", int64(math.MinInt32 - 1)},
	{"9223372036854775807", "836e0800ffffffffffffff7f", "", int64(math.MaxInt64)},
	{"9223372036854775808", "836e08000000000000000080", "", pow2(63)},
	{"-9223372036854775808", "836e08010000000000000080", "", int64(math.MinInt64)},
	{"-9223372036854775809", "836e08010100000000000080", "", new(big.Int).Sub(new(big.Int).Neg(pow2(63)), big.NewInt(1))},
	{"1 bsl 2039", "836eff00" + rep(254, "00") + "80", "", pow2(2039)},
	{"-(1 bsl 2040)", "836f0000010001" + rep(255, "00") + "01", "", new(big.Int).Neg(pow2(2040))},
	{"1.5", "83463ff8000000000000", "", 1.5},
	{"-0.0", "83468000000000000000", "", math.Copysign(0, -1)},
	{"1.0e308", "83467fe1ccf385ebc8a0", "", 1e308},
	{"true", "8364000474727565", "83770474727565", etf.Atom("true")},
	{"ok", "836400026f6b", "8377026f6b", etf.Atom("ok")},
	{"''", "83640000", "837700", etf.Atom("")},
	{"'grün'", "836400046772fc6e", "8377056772c3bc6e", etf.Atom("grün")},
	{"'π'", "837702cf80", "", etf.Atom("π")},
	{"'日本'", "837706e697a5e69cac", "", etf.Atom("日本")},
	{"list_to_atom(lists:duplicate(255, $a))", "836400ff" + rep(255, "61"), "8377ff" + rep(255, "61"), etf.Atom(rep(255, "a"))},
	{"list_to_atom(lists:duplicate(255, 233))", "836400ff" + rep(255, "e9"), "837601fe" + rep(255, "c3a9"), etf.Atom(rep(255, "é"))},
	{"list_to_atom(lists:duplicate(255, 960))", "837601fe" + rep(255, "cf80"), "", etf.Atom(rep(255, "π"))},
	{"<<>>", "836d00000000", "", etf.Binary("")},
	{"<<\"abc\">>", "836d00000003616263", "", etf.Binary("abc")},
	{"<<255,0,1>>", "836d00000003ff0001", "", etf.Binary("\xff\x00\x01")},
	{"<<5:3>>", "834d0000000103a0", "", etf.Bits{Bytes: "\xa0", Last: 3}},
	{"<<1,2:4>>", "834d00000002040120", "", etf.Bits{Bytes: "\x01\x20", Last: 4}},
	{"{}", "836800", "", etf.Tuple{}},
	{"{ok,1}", "8368026400026f6b6101", "83680277026f6b6101", etf.Tuple{etf.Atom("ok"), int64(1)}},
	{
		"{a,{b,<<\"c\">>}}", "836802640001616802640001626d0000000163", "83680277016168027701626d0000000163",
		etf.Tuple{etf.Atom("a"), etf.Tuple{etf.Atom("b"), etf.Binary("c")}},
	},
	{"list_to_tuple(lists:duplicate(255, []))", "8368ff" + rep(255, "6a"), "", etf.Tuple(repeat(255, etf.List{}))},
	{"list_to_tuple(lists:duplicate(256, []))", "836900000100" + rep(256, "6a"), "", etf.Tuple(repeat(256, etf.List{}))},
	{"[]", "836a", "", etf.List{}},
	{"[1,2,3]", "836b0003010203", "", etf.List{int64(1), int64(2), int64(3)}},
	{"\"abc\"", "836b0003616263", "", etf.List{int64('a'), int64('b'), int64('c')}},
	{"lists:duplicate(65535, 7)", "836bffff" + rep(65535, "07"), "", etf.List(repeat(65535, int64(7)))},
	{"lists:duplicate(65536, 7)", "836c00010000" + rep(65536, "6107") + "6a", "", etf.List(repeat(65536, int64(7)))},
	{"[256]", "836c0000000162000001006a", "", etf.List{int64(256)}},
	{"[a,b]", "836c0000000264000161640001626a", "836c000000027701617701626a", etf.List{etf.Atom("a"), etf.Atom("b")}},
	{"[1|2]", "836c0000000161016102", "", etf.Improper{Elems: etf.List{int64(1)}, Tail: int64(2)}},
	{
		"[1,2|<<\"x\">>]", "836c00000002610161026d0000000178", "",
		etf.Improper{Elems: etf.List{int64(1), int64(2)}, Tail: etf.Binary("x")},
	},
	{"[[],[[]]]", "836c000000026a6c000000016a6a6a", "", etf.List{etf.List{}, etf.List{etf.List{}}}},
	{"#{}", "837400000000", "", etf.Map{}},
	{
		"#{<<\"method\">> => <<\"GET\">>}", "8374000000016d000000066d6574686f646d00000003474554", "",
		etf.Map{{Key: etf.Binary("method"), Value: etf.Binary("GET")}},
	},
	{
		"#{a => [1.0]}", "837400000001640001616c00000001463ff00000000000006a", "8374000000017701616c00000001463ff00000000000006a",
		etf.Map{{Key: etf.Atom("a"), Value: etf.List{1.0}}},
	},
	{"#{[1] => {}}", "8374000000016b0001016800", "", etf.Map{{Key: etf.List{int64(1)}, Value: etf.Tuple{}}}},
	{
		"fun lists:map/2", "83716400056c697374736400036d61706102", "837177056c6973747377036d61706102",
		etf.Export{Module: "lists", Function: "map", Arity: 2},
	},
}

// opaque are terms that another run of Erlang would write differently; by name
// of what made them. Those marked unverified are of releases that cannot be run any
// more: they were put together after the format's description, and no OTP of today
// writes them, but reads them. again is how [{minor_version, 2}] writes them; "" where
// it is hex.
var opaque = []struct {
	erlang, hex, again string
	value              any
}{
	{"self(), OTP 25", "5864000d" + nonode + "000000090000000000000000", "58770d" + nonode + "000000090000000000000000", etf.Pid{Node: "nonode@nohost", ID: 9}},
	{"self(), minor_version 2", "58770d" + nonode + "000000090000000000000000", "", etf.Pid{Node: "nonode@nohost", ID: 9}},
	{"make_ref(), OTP 25", "5a000364000d" + nonode + refTail, "5a0003770d" + nonode + refTail, aRef},
	{"make_ref(), minor_version 2", "5a0003770d" + nonode + refTail, "", aRef},
	{"hd(erlang:ports()), OTP 25", "5964000d" + nonode + "0000000000000000", "59770d" + nonode + "0000000000000000", etf.Port{Node: "nonode@nohost"}},
	{"hd(erlang:ports()), minor_version 2", "59770d" + nonode + "0000000000000000", "", etf.Port{Node: "nonode@nohost"}},
	{"f(Y) -> fun(X) -> X + Y end. f(7), OTP 25", funOTP25, funOTP26, aFun},
	{"f(Y) -> fun(X) -> X + Y end. f(7), minor_version 2", funOTP26, "", aFun},
	{"V4_PORT_EXT", "7877016e" + "000000010000000200000003", "", etf.Port{Node: "n", ID: 1<<32 + 2, Creation: 3}},
	{"V4_PORT_EXT, small", "7877016e" + "000000000fffffff00000003", "5977016e" + "0fffffff00000003", etf.Port{Node: "n", ID: 1<<28 - 1, Creation: 3}},
	{"NEW_PORT_EXT, large", "5977016e" + "1000000000000003", "7877016e" + "000000001000000000000003", etf.Port{Node: "n", ID: 1 << 28, Creation: 3}},
	{"PID_EXT of before OTP 23, unverified", "676400016e" + "000000010000000203", "5877016e" + "000000010000000200000003", etf.Pid{Node: "n", ID: 1, Serial: 2, Creation: 3}},
	{"PORT_EXT of before OTP 23, unverified", "666400016e" + "0000000102", "5977016e" + "0000000100000002", etf.Port{Node: "n", ID: 1, Creation: 2}},
	{"REFERENCE_EXT of before OTP 23, unverified", "656400016e" + "0000000702", "5a000177016e" + "0000000200000007", etf.Ref{Node: "n", Creation: 2, Words: [5]uint32{7}, Len: 1}},
	{
		"NEW_REFERENCE_EXT of before OTP 23, unverified", "7200036400016e" + "02000000010000000200000003", "5a000377016e" + "00000002000000010000000200000003",
		etf.Ref{Node: "n", Creation: 2, Words: [5]uint32{1, 2, 3}, Len: 3},
	},
	{
		"NEWER_REFERENCE_EXT of 5 words", "5a000577016e00000000" + "0000000100000002000000030000000400000005", "",
		etf.Ref{Node: "n", Words: [5]uint32{1, 2, 3, 4, 5}, Len: 5},
	},
	{"BIT_BINARY_EXT of nothing", "4d0000000000", "6d00000000", etf.Binary("")},
	{"BIT_BINARY_EXT of bytes", "4d0000000108ff", "6d00000001ff", etf.Binary("\xff")},
	{"BIT_BINARY_EXT with bits that do not count", "4d0000000202ffff", "4d0000000202ffc0", etf.Bits{Bytes: "\xff\xc0", Last: 2}},
}

const (
	nonode   = "6e6f6e6f6465406e6f686f7374"
	refTail  = "000000000001098ea41800016c86e8ea"
	funOTP25 = "7000000071019fd87c8f0dec1e7286449dbda7052b64000000000000000164002b665f657363726970745f5f657363726970745f5f313739355f5f3431353937345f5f3636353134345f5f3261006204fec3e45864000d6e6f6e6f6465406e6f686f73740000000900000000000000006107"
	funOTP26 = "700000006f019fd87c8f0dec1e7286449dbda7052b640000000000000001772b665f657363726970745f5f657363726970745f5f313739355f5f3431353937345f5f3636353134345f5f3261006204fec3e458770d6e6f6e6f6465406e6f686f73740000000900000000000000006107"
)

var (
	aRef = etf.Ref{Node: "nonode@nohost", Words: [5]uint32{0x1098e, 0xa4180001, 0x6c86e8ea}, Len: 3}
	aFun = etf.Fun{
		Module: "f_escript__escript__1795__415974__665144__2", Arity: 1,
		Uniq:    [16]byte{0x9f, 0xd8, 0x7c, 0x8f, 0x0d, 0xec, 0x1e, 0x72, 0x86, 0x44, 0x9d, 0xbd, 0xa7, 0x05, 0x2b, 0x64},
		OldUniq: 0x04fec3e4, Pid: etf.Pid{Node: "nonode@nohost", ID: 9}, Free: etf.List{int64(7)},
	}
)

// foreign are forms that no Erlang writes, but that binary_to_term/1 reads.
var foreign = []struct {
	name, hex string
	value     any
}{
	{"SMALL_ATOM_EXT", "837302e96b", etf.Atom("ék")},
	{"ATOM_UTF8_EXT, short", "83760002c3a9", etf.Atom("é")},
	{"term_to_binary(1.5, [{minor_version, 0}])", "8363312e3530303030303030303030303030303030303030652b30300000000000", 1.5},
	{"LARGE_TUPLE_EXT of none", "836900000000", etf.Tuple{}},
	{"LARGE_BIG_EXT, small", "836f000000010105", int64(-5)},
	{"SMALL_BIG_EXT with a sign of 2", "836e010205", int64(-5)},
	{"LARGE_BIG_EXT with a sign of 255", "836f00000001ff05", int64(-5)},
	{"SMALL_BIG_EXT with zeros", "836e0a0001000000000000000000", int64(1)},
	{"SMALL_BIG_EXT of no digits", "836e0000", int64(0)},
	{"minus zero", "836e010100", int64(0)},
	{"STRING_EXT of none", "836b0000", etf.List{}},
	{"LIST_EXT of none", "836c000000006a", etf.List{}},
	{"LIST_EXT of none and a tail", "836c000000006105", int64(5)},
	{"list in pieces", "836c0000000161056c0000000161066a", etf.List{int64(5), int64(6)}},
	{"list with a string as its tail", "836c0000000161056b000107", etf.List{int64(5), int64(7)}},
	{"improper list in pieces", "836c0000000161056c0000000161066107", etf.Improper{Elems: etf.List{int64(5), int64(6)}, Tail: int64(7)}},
}

func repeat(n int, term any) []any {
	terms := make([]any, n)
	for i := range terms {
		terms[i] = term
	}
	return terms
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func TestDecodeReadsWhatErlangWrites(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.erlang, func(t *testing.T) {
			forms := []string{g.latin1, g.utf8}
			for _, form := range forms {
				if form == "" {
					continue
				}
				data := unhex(t, form)
				requireReadable(t, data)
				term, err := etf.Decode(data, etf.Limits{})
				require.NoError(t, err)
				require.Equal(t, g.value, term)
			}
		})
	}
}

func TestDecodeReadsWhatErlangReads(t *testing.T) {
	for _, f := range foreign {
		t.Run(f.name, func(t *testing.T) {
			data := unhex(t, f.hex)
			requireReadable(t, data)
			term, err := etf.Decode(data, etf.Limits{})
			require.NoError(t, err)
			require.Equal(t, f.value, term)
		})
	}
}

func TestAppendWritesWhatErlangWrites(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.erlang, func(t *testing.T) {
			want := g.utf8
			if want == "" {
				want = g.latin1
			}
			data, err := etf.Append(etf.AppendVersion(nil), g.value)
			require.NoError(t, err)
			require.Equal(t, want, hex.EncodeToString(data))
		})
	}
}

func TestTermsOfNodesComeBackAsOTP26WritesThem(t *testing.T) {
	for _, o := range opaque {
		t.Run(o.erlang, func(t *testing.T) {
			data := append([]byte{131}, unhex(t, o.hex)...)
			requireReadable(t, data)
			term, err := etf.Decode(data, etf.Limits{})
			require.NoError(t, err)
			require.Equal(t, o.value, term)
			again, err := etf.Append(nil, term)
			require.NoError(t, err)
			require.Equal(t, cmp.Or(o.again, o.hex), hex.EncodeToString(again))
			raw, err := etf.Append(nil, etf.Raw(data[1:]))
			require.NoError(t, err)
			require.Equal(t, o.hex, hex.EncodeToString(raw))
		})
	}
}

// requireReadable wants Valid to accept data and Skip to pass over all of it,
// and both to refuse each of its beginnings.
func requireReadable(t *testing.T, data []byte) {
	t.Helper()
	s := string(data)
	require.NoError(t, etf.Valid(s, etf.Limits{}))
	r, err := etf.NewReader(s)
	require.NoError(t, err)
	require.NotEqual(t, etf.KindNone, r.Kind())
	require.NoError(t, r.Skip())
	require.NoError(t, r.End())
	for n := range min(len(s), 1000) {
		var syntax *etf.SyntaxError
		require.ErrorAs(t, etf.Valid(s[:n], etf.Limits{}), &syntax, "the first %d bytes", n)
		require.LessOrEqual(t, syntax.Offset, n)
		if r, err := etf.NewReader(s[:n]); err == nil {
			require.ErrorAs(t, r.Skip(), &syntax, "the first %d bytes", n)
		}
	}
}

// TestGoldenBytesAreErlangs asks the Erlang of this machine, if there is one,
// about the table above.
func TestGoldenBytesAreErlangs(t *testing.T) {
	escript, err := exec.LookPath("escript")
	if err != nil {
		t.Skip("no escript on this machine")
	}
	var lines bytes.Buffer
	for _, g := range goldens {
		utf8 := g.utf8
		if utf8 == "" {
			utf8 = g.latin1
		}
		fmt.Fprintf(&lines, "%s\t%s\t%s\n", g.erlang, g.latin1, utf8)
	}
	cmd := exec.Command(escript, "testdata/check.escript")
	cmd.Stdin = &lines
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "done\n", string(out))
}
