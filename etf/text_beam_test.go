package etf_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// beam asks testdata/text.escript, line by line.
type beam struct {
	t     *testing.T
	lines []string
}

func (b *beam) ask(what string, data []byte) {
	b.lines = append(b.lines, what+" "+hex.EncodeToString(data))
}

// answers runs the Erlang of this machine, if there is one, over all that was asked.
func (b *beam) answers() []string {
	escript, err := exec.LookPath("escript")
	if err != nil {
		b.t.Skip("no escript on this machine")
	}
	cmd := exec.Command(escript, "testdata/text.escript", b.t.TempDir())
	cmd.Stdin = strings.NewReader(strings.Join(b.lines, "\n") + "\n")
	out, err := cmd.Output()
	require.NoError(b.t, err)
	answers := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	require.Len(b.t, answers, len(b.lines))
	return answers
}

// A pid's first number is, to each Erlang, its own for the node; we print the node.
var ofThisNode = regexp.MustCompile(`(#Ref|#Port)?<0\.([0-9.]+)>`)

func namingNodes(text string) string {
	return ofThisNode.ReplaceAllStringFunc(text, func(s string) string {
		m := ofThisNode.FindStringSubmatch(s)
		if m[1] == "" {
			m[1] = "#Pid"
		}
		return m[1] + "<nonode@nohost." + m[2] + ">"
	})
}

// What is printed is what ~0p and ~0tp print, byte for byte.
func TestTextIsWhatErlangPrints(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	terms := printedTerms()
	for range 5000 {
		terms = append(terms, anyTerm(rnd, 4))
	}
	b := &beam{t: t}
	for _, term := range terms {
		data, err := etf.Append(etf.AppendVersion(nil), term)
		require.NoError(t, err)
		b.ask("print", data)
	}
	for i, answer := range b.answers() {
		latin1, unicode, _ := strings.Cut(answer, " ")
		want := namingNodes(string(unhex(t, latin1)))
		require.Equal(t, want, etf.Text(terms[i]), "%#v", terms[i])
		want = namingNodes(string(unhex(t, unicode)))
		require.Equal(t, want, string(etf.AppendText(nil, terms[i], etf.TextOptions{Unicode: true})), "%#v", terms[i])
	}
}

// printedTerms are chosen by hand.
func printedTerms() []any {
	terms := []any{
		etf.Atom(""),
		etf.Tuple{},
		etf.List{},
		etf.Map{},
		etf.Binary(""),
		etf.List{etf.List{}},
		etf.Improper{Elems: etf.List{int64('a')}, Tail: etf.Binary("b")},
		new(big.Int).Lsh(big.NewInt(-1), 70),
		etf.Map{{etf.List{2.5}, 1}, {etf.List{int64(7)}, 2}, {etf.Map{{1.0, 1}}, 3}, {etf.Map{{1, 1.0}}, 4}, {etf.Map{}, 5}},
	}
	for c := range rune(0x180) {
		terms = append(terms, etf.Atom(string(c)), etf.Atom("a"+string(c)), etf.List{int64(c)}, etf.Binary(string(c)), etf.Binary([]byte{byte(c), 'a'}))
	}
	for _, c := range []rune{0x2028, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x10FFFF} {
		terms = append(terms, etf.Atom(string(c)), etf.List{int64(c)}, etf.Binary(string(c)), etf.Binary(string(c)+"\xff"))
	}
	terms = append(terms, etf.List{int64(0xD7FF)}, etf.List{int64(0xD800)}, etf.List{int64(0xDFFF)}, etf.List{int64(0x110000)}, etf.List{int64(-1)})
	for _, word := range strings.Fields(`after and andalso band begin bnot bor bsl bsr bxor case catch cond div end fun if let
		not of or orelse receive rem try when xor true false undefined a@b_1 _a A aB`) {
		terms = append(terms, etf.Atom(word))
	}
	for _, f := range []float64{
		0, math.Copysign(0, -1), 1, 0.1, 100, 1000, 12345, 123456789, 1e15, 1e16, 1e22, 1e23, 1.5e300, 0.01, 0.001, 1e-4, 1e-5,
		0.00123, 0.000123, 5e-324, math.MaxFloat64, 1 << 53, 1<<53 - 1, 1<<53 + 2, 4503599627370496.5, 123456.789, -2.5, 1.0 / 3, 0.1 + 0.2,
	} {
		terms = append(terms, f, -f)
	}
	for _, raw := range []string{
		"X\x77\x0dnonode@nohost\x00\x00\x00\x51\x00\x00\x00\x02\x00\x00\x00\x00", // <0.81.2>
		"x\x77\x0dnonode@nohost\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00", // #Port<0.5>
		"Z\x00\x03\x77\x0dnonode@nohost\x00\x00\x00\x00\x00\x03\x01\x02\x80\x04\x05\x06\x70\x08\x09\x0a",
		"q\x77\x05lists\x77\x03mapa\x02",
		"q\x77\x03A b\x77\x03c da\x00",
		"p\x00\x00\x00\x4a\x01" + strings.Repeat("u", 16) + "\x00\x00\x00\x07\x00\x00\x00\x01w\x03moda\x05b\x00\x01\x02\x03" +
			"X\x77\x0dnonode@nohost\x00\x00\x00\x51\x00\x00\x00\x02\x00\x00\x00\x00" + "a\x01",
		"M\x00\x00\x00\x01\x03\xa0", "M\x00\x00\x00\x03\x01ab\x80", "M\x00\x00\x00\x01\x08a",
	} {
		terms = append(terms, etf.Raw(raw))
	}
	return terms
}

// anyTerm makes terms of all kinds; maps have no more keys than OTP prints in order.
func anyTerm(rnd *rand.Rand, depth int) any {
	kinds := 13
	if depth == 0 {
		kinds = 8
	}
	switch rnd.IntN(kinds) {
	case 0:
		return int64(rnd.Uint64()) >> rnd.IntN(64)
	case 1:
		return new(big.Int).Lsh(big.NewInt(int64(rnd.Uint64())|1), uint(64+rnd.IntN(200)))
	case 2:
		return anyFloat(rnd)
	case 3:
		return etf.Atom(anyText(rnd, "abzAZ_@09 'ß÷×ÿÀ\n\x01\x7f\u0080\u00a0Ѐ\U0001F600\\\""))
	case 4:
		return etf.Binary(anyText(rnd, "abc\"\\ \n\x1b\x00äé\u00a0\u0080Ѐ\ufffd\U0001F600"))
	case 5:
		b := make([]byte, rnd.IntN(8))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return etf.Binary(b)
	case 6:
		return anyBits(rnd)
	case 7:
		text := etf.List{}
		for _, c := range anyText(rnd, "abc\"\\ \n\x1b\x00äé\u00a0\u0080Ѐ\ufffd\U0001F600aaaaaaaa") {
			text = append(text, int64(c))
		}
		return text
	case 8:
		return etf.Tuple(anyTerms(rnd, depth))
	case 9, 10:
		return etf.List(anyTerms(rnd, depth))
	case 11:
		for {
			tail := anyTerm(rnd, depth-1)
			switch tail.(type) {
			case etf.List, etf.Improper:
				continue
			}
			return etf.Improper{Elems: append(anyTerms(rnd, depth), etf.Atom("last")), Tail: tail}
		}
	}
	return anyMap(rnd, depth)
}

func anyMap(rnd *rand.Rand, depth int) etf.Map {
	m := etf.Map{}
	for range rnd.IntN(6) {
		key := anyTerm(rnd, depth-1)
		if _, twice := m.Get(key); !twice {
			m = append(m, etf.Pair{Key: key, Value: anyTerm(rnd, depth-1)})
		}
	}
	if _, err := etf.Decode(mustAppend(m), etf.Limits{}); err != nil {
		return etf.Map{} // 0.0 and -0.0, or the same map in two orders
	}
	return m
}

func mustAppend(term any) []byte {
	b, err := etf.Append(etf.AppendVersion(nil), term)
	if err != nil {
		panic(fmt.Sprintf("%v of %#v", err, term))
	}
	return b
}

func anyTerms(rnd *rand.Rand, depth int) []any {
	terms := []any{}
	for range rnd.IntN(5) {
		terms = append(terms, anyTerm(rnd, depth-1))
	}
	return terms
}

func anyFloat(rnd *rand.Rand) float64 {
	switch rnd.IntN(3) {
	case 0:
		return float64(rnd.IntN(1e9)) * math.Pow(10, float64(rnd.IntN(40)-20))
	case 1:
		return math.Ldexp(rnd.Float64()-0.5, rnd.IntN(140)-70)
	}
	for {
		if f := math.Float64frombits(rnd.Uint64()); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
}

func anyText(rnd *rand.Rand, alphabet string) string {
	letters := []rune(alphabet)
	var s strings.Builder
	for range rnd.IntN(6) {
		s.WriteRune(letters[rnd.IntN(len(letters))])
	}
	return s.String()
}

func anyBits(rnd *rand.Rand) etf.Raw {
	n := 1 + rnd.IntN(3)
	raw := []byte{'M', 0, 0, 0, byte(n), byte(1 + rnd.IntN(7))}
	for range n {
		raw = append(raw, byte(rnd.Uint32()))
	}
	raw[len(raw)-1] &= 0xff << (8 - raw[5])
	return etf.Raw(raw)
}
