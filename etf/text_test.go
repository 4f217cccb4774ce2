package etf_test

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// What Append takes besides what Decode gives is printed as what Append makes of it.
func TestTextTakesWhatAppendTakes(t *testing.T) {
	for want, terms := range map[string][]any{
		"7":                    {7, int8(7), int16(7), int32(7), int64(7), uint(7), uint8(7), uint16(7), uint32(7), uint64(7), big.NewInt(7)},
		"18446744073709551615": {uint64(math.MaxUint64)},
		"true":                 {true, etf.Atom("true")},
		"false":                {false},
		"2.5":                  {2.5, float32(2.5)},
		`<<"abc">>`:            {"abc", []byte("abc"), etf.Binary("abc"), etf.Raw("m\x00\x00\x00\x03abc")},
		`"abc"`:                {etf.List{'a', 'b', int64('c')}, etf.Raw("k\x00\x03abc")},
	} {
		for _, term := range terms {
			require.Equal(t, want, etf.Text(term), "%T", term)
		}
	}
	greatest := uint(math.MaxUint) // of 32 bits or of 64
	require.Equal(t, fmt.Sprint(greatest), etf.Text(greatest))
}

// What is different from OTP 25 is so on purpose: the section "Text" gives the reasons.
func TestTextDiffersFromErlangWhereItSaysSo(t *testing.T) {
	require.Equal(t, "'maybe'", etf.Text(etf.Atom("maybe")))
	require.Equal(t, "'else'", etf.Text(etf.Atom("else")))
	require.Equal(t, "fun 'if':'of'/3", etf.Text(etf.Raw("qw\x02ifw\x02ofa\x03")))
	require.Equal(t, "#Pid<a@b.1.2>", etf.Text(etf.Raw("Xw\x03a@b\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03")))
}

func TestTextOfWhatIsNoTermSaysSo(t *testing.T) {
	for want, term := range map[string]any{
		"#Invalid<value of type chan int>":                           make(chan int),
		"#Invalid<value of type <nil>>":                              nil,
		"{ok,#Invalid<float that is not finite>}":                    etf.Tuple{etf.Atom("ok"), math.NaN()},
		"#Invalid<float that is not finite>":                         math.Inf(-1),
		"#Invalid<atom that is not UTF-8 or too long>":               etf.Atom("\xff"),
		"[#Invalid<atom that is not UTF-8 or too long>]":             etf.List{etf.Atom(strings.Repeat("é", 256))},
		"#Invalid<Bits without a part of a byte>":                    etf.Bits{Bytes: "a", Last: 8},
		"#Invalid<Ref of more words than it has>":                    etf.Ref{Len: 6},
		"#Invalid<nil *big.Int>":                                     (*big.Int)(nil),
		"#Invalid<improper list without elements or a tail>":         etf.Improper{Tail: 1},
		"#Invalid<Raw that is not one term>":                         etf.Raw("\x00"),
		"#{#Invalid<Raw that is not one term> => 1}":                 etf.Map{{etf.Raw(""), 1}},
		"#{#Invalid<nil *big.Int> => 1,#Invalid<nil *big.Int> => 2}": etf.Map{{(*big.Int)(nil), 1}, {(*big.Int)(nil), 2}},
	} {
		require.Equal(t, want, etf.Text(term))
	}
}

// A map is printed in the order of its keys, however it is written and however many they are.
func TestTextSortsMapsOfAnySize(t *testing.T) {
	m := etf.Map{}
	for i := range 100 {
		m = append(m, etf.Pair{Key: int64(99 - i), Value: int64(0)})
	}
	text := etf.Text(etf.Map{{etf.Tuple{m}, m}})
	require.True(t, strings.HasPrefix(text, "#{{#{0 => 0,1 => 0,2 => 0,3 => 0,"), text)
	require.Contains(t, text, "98 => 0,99 => 0}} => #{0 => 0,1 => 0,")
}

func TestTextIsCutBelowMaxDepth(t *testing.T) {
	term := etf.Tuple{1, etf.List{2, etf.Map{{3, etf.Tuple{}}}, etf.List{'a'}, etf.Improper{Elems: etf.List{4}, Tail: 5}}}
	for depth, want := range map[int]string{
		0: `{1,[2,#{3 => {}},"a",[4|5]]}`,
		1: `{1,[...]}`,
		2: `{1,[2,#{...},"a",[...]]}`,
		3: `{1,[2,#{3 => {}},"a",[4|5]]}`,
	} {
		require.Equal(t, want, string(etf.AppendText(nil, term, etf.TextOptions{MaxDepth: depth})))
	}
}

func TestTextIsCutAtMaxBytes(t *testing.T) {
	term := etf.Tuple{etf.Atom("ok"), etf.Binary("äb"), etf.List{'c', 'd'}}
	whole := etf.Text(etf.Tuple{etf.Atom("ok"), etf.Binary("\xe4b"), etf.List{'c', 'd'}})
	require.Equal(t, `{ok,<<"äb">>,"cd"}`, whole)
	for n := 3; n < len(whole)+3; n++ {
		text := string(etf.AppendText([]byte("kept"), term, etf.TextOptions{MaxBytes: n, Unicode: true}))
		require.True(t, strings.HasPrefix(text, "kept"))
		text = text[4:]
		const all = `{ok,<<"äb"/utf8>>,"cd"}`
		if n >= len(all) {
			require.Equal(t, all, text)
			continue
		}
		require.LessOrEqual(t, len(text), n)
		require.GreaterOrEqual(t, len(text), n-1) // a character of two bytes is not cut
		begin, cut := strings.CutSuffix(text, "...")
		require.True(t, cut && strings.HasPrefix(all, begin), text)
	}
	require.Equal(t, "...", string(etf.AppendText(nil, term, etf.TextOptions{MaxBytes: 1})))
}

// A term of a million levels costs no stack, and one that holds itself ends where the limits say.
func TestTextOfDeepTerms(t *testing.T) {
	var deep any = etf.List{}
	for range 1_000_000 {
		deep = etf.List{deep}
	}
	require.Equal(t, strings.Repeat("[", 65537)+"..."+strings.Repeat("]", 65537), etf.Text(deep))
	key := etf.Text(etf.Map{{deep, 1}, {etf.Tuple{deep}, 2}})
	require.True(t, strings.HasPrefix(key, "#{{[["))

	itself := etf.Tuple{nil, nil}
	itself[0], itself[1] = itself, itself
	require.Equal(t, "{{{{{{{...", string(etf.AppendText(nil, itself, etf.TextOptions{MaxBytes: 10})))
	require.Len(t, etf.AppendText(nil, etf.Binary(strings.Repeat("x", 1<<20)), etf.TextOptions{MaxBytes: 100}), 100)
}

// A term that holds itself twice has no end of ways through it, also as a key.
func TestTextOfAKeyThatHoldsItselfEnds(t *testing.T) {
	twice := etf.Tuple{nil, nil}
	twice[0], twice[1] = twice, twice
	inMaps := etf.Map{{1, nil}, {2, nil}}
	inMaps[0].Value, inMaps[1].Value = inMaps, inMaps
	inLists := make(etf.List, 100)
	for i := range inLists {
		inLists[i] = etf.Improper{Elems: inLists, Tail: inLists}
	}
	for _, key := range []any{twice, inMaps, inLists} {
		for _, m := range []etf.Map{{{key, 1}}, {{key, 1}, {key, 2}}, {{1, 1}, {etf.List{key}, 2}, {key, 3}}} {
			text := string(etf.AppendText(nil, m, etf.TextOptions{MaxBytes: 20}))
			require.Len(t, text, 20)
			require.True(t, strings.HasPrefix(text, "#{") && strings.HasSuffix(text, "..."), text)
			text = string(etf.AppendText(nil, m, etf.TextOptions{MaxDepth: 2}))
			require.True(t, strings.HasPrefix(text, "#{") && strings.HasSuffix(text, "}"), text)
		}
	}
}

// A map is sorted up to as many terms in its keys as the comment says.
func TestTextSortsByAMillionTermsInKeysWhereItIsBounded(t *testing.T) {
	key := func(n int, last int) any { return append(slices.Repeat(etf.List{a("x")}, n-2), last) }
	for n, sorted := range map[int]bool{1 << 19: true, 1<<19 + 1: false} {
		text := string(etf.AppendText(nil, etf.Map{{key(n, 2), second}, {key(1<<19, 1), first}}, etf.TextOptions{MaxBytes: 1 << 30}))
		require.Equal(t, sorted, strings.HasSuffix(text, "second}"))
		text = etf.Text(etf.Map{{key(n, 2), second}, {key(1<<19, 1), first}})
		require.True(t, strings.HasSuffix(text, "second}"))
	}
}

const first, second = etf.Atom("first"), etf.Atom("second")
