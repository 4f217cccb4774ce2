package etf_test

import (
	"encoding/hex"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// verdict is a line of testdata/parse.txt: a text, what OTP 25 makes of it, and why we do not, where we do not.
type verdict struct{ text, says, reason string }

func verdicts(t testing.TB) []verdict {
	data, err := os.ReadFile("testdata/parse.txt")
	require.NoError(t, err)
	var all []verdict
	for line := range strings.Lines(string(data)) {
		parts := append(strings.Split(strings.TrimSuffix(line, "\n"), "\t"), "")
		text, err := strconv.Unquote(parts[0])
		require.NoError(t, err, line)
		all = append(all, verdict{text, parts[1], parts[2]})
	}
	require.Greater(t, len(all), 300)
	return all
}

// Each text is read as Erlang reads it, or refused where Erlang refuses it, but for those that have a reason.
func TestParseSaysWhatErlangSays(t *testing.T) {
	b := &beam{t: t}
	for _, v := range verdicts(t) {
		b.ask("parse", []byte(v.text))
		term, err := etf.Parse(v.text, etf.Limits{})
		says := "error"
		if err == nil {
			says = string(etf.AppendText(nil, term, etf.TextOptions{Unicode: true}))
		}
		if v.reason != "" {
			require.NotEqual(t, v.says, says, "%q: no difference, which should have been one since %s", v.text, v.reason)
			continue
		}
		require.Equal(t, notQuoted(v.says), notQuoted(says), "%q: %v", v.text, err)
	}
	for i, answer := range b.answers() {
		v := verdicts(t)[i]
		if strings.HasPrefix(answer, "error") {
			require.Equal(t, v.says, "error", v.text)
			continue
		}
		term, err := etf.Parse(v.text, etf.Limits{})
		if v.reason == "" {
			require.NoError(t, err, v.text)
			require.Equal(t, strings.ToLower(answer), hex.EncodeToString(mustAppend(term)), v.text)
		}
	}
}

// notQuoted undoes where the printer differs from Erlang's.
func notQuoted(text string) string {
	return strings.NewReplacer("'else'", "else", "'maybe'", "maybe", "'if'", "if").Replace(text)
}

// What is printed is read back, by us and by Erlang, as the term that it was.
func TestPrintedTermsAreReadBack(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	b := &beam{t: t}
	var texts []string
	for i := range 5000 {
		opts := etf.TextOptions{Unicode: i%2 == 0}
		text := string(etf.AppendText(nil, anyTerm(rnd, 4), opts))
		read, err := etf.Parse(text, etf.Limits{})
		require.NoError(t, err, text)
		require.Equal(t, text, string(etf.AppendText(nil, read, opts)))
		texts = append(texts, text)
		b.ask("parse", []byte(text))
	}
	for i, answer := range b.answers() {
		require.NotContains(t, answer, "error", texts[i])
		term, err := etf.Decode(unhex(t, answer), etf.Limits{})
		require.NoError(t, err)
		require.Equal(t, texts[i], string(etf.AppendText(nil, term, etf.TextOptions{Unicode: i%2 == 0})))
	}
}

// Files are read as file:consult reads them.
func TestParseFileReadsWhatErlangConsults(t *testing.T) {
	files := []string{
		"", "\n", "% nothing\n", "a.", "a.\n", "a. b.\n", "a.%c\nb.", "a.b.", "a", "a b.", "{a,\n [b]}.\n\n[c|d].\n", "1.5.", "1.", "1. 2.", ".", "a..",
		"%% coding: latin-1\n\"\xe4\".\n", "%% -*- coding: latin-1 -*-\n'\xe4'.\n", "a.\n% coding: latin-1\n\"\xe4\".\n", "\n\n% coding: latin-1\n\"\xe4\".\n",
		"%% coding: utf-8\n\"ä\".", "\"ä\".", "\"\xe4\".", "% \xe4\na.", "'a", "{a", "[1,2].\n#{a => 1}.\n<<1:3>>.\n",
		"[{kernel, [{logger_level, info}]},\n %% ours\n {app, [{port, 16#1F90}, {name, \"a\" \"b\"}]}].\n",
		"{application, gwport, [{vsn, \"0.1\"}, {mod, {gwport_app, []}}]}.\n", "a.\n\"b", "a.\nb", "%% coding = LATIN-1\n\"\xe4\".", "%% Coding: latin-1\n\"\xe4\".", "a. % coding: latin-1\n\"\xe4\".\n",
	}
	b := &beam{t: t}
	for _, file := range files {
		b.ask("file", []byte(file))
	}
	for i, answer := range b.answers() {
		terms, err := etf.ParseFile(files[i], etf.Limits{})
		if strings.HasPrefix(answer, "error") {
			require.Error(t, err, "%q: %s", files[i], answer)
			continue
		}
		require.NoError(t, err, "%q: %s", files[i], answer)
		require.Equal(t, strings.ToLower(answer), hex.EncodeToString(mustAppend(etf.List(terms))), files[i])
	}
}

func TestParseErrorsSayWhereAndWhatIsExpected(t *testing.T) {
	for text, want := range map[string]string{
		"":                                   `line 1, column 1: expected a term, found the end of the text`,
		"{a,\n  é]}":                         `line 2, column 4: expected "," or "}", found "]"`,
		"[1 2]":                              `line 1, column 4: expected ",", "|" or "]", found "2"`,
		"#{a}":                               `line 1, column 4: expected "=>", found "}"`,
		"<0.81.0>":                           `line 1, column 1: <0...> is no term that can be read: a pid means something only to the node it comes from`,
		"#Pid<a@b.1.2>":                      `line 1, column 1: #Pid<...> is no term that can be read: it means something only to the node it comes from`,
		"#Ref<a@b.1>":                        `line 1, column 1: #Ref<...> is no term that can be read: it means something only to the node it comes from`,
		"#Fun<a.1.2>":                        `line 1, column 1: #Fun<...> is no term that can be read: it means something only to the node it comes from`,
		"#rec{}":                             `line 1, column 2: expected "{" of a map, found "rec"`,
		"[a,\nend]":                          `line 2, column 1: expected a term, found "end", which is a reserved word; the atom is 'end'`,
		"{Name}":                             `line 1, column 2: expected a term, found "Name", which is a variable`,
		"fun() -> 1 end":                     `line 1, column 4: expected an atom: the only funs that are terms are fun M:F/A, found "("`,
		"fun a/1":                            `line 1, column 6: expected ":", found "/": the only funs that are terms are fun M:F/A`,
		`"abc`:                               `line 1, column 1: expected the closing " of what begins here, found the end of the text`,
		"\"\"\"\nabc\n\"\"\"":                `line 1, column 1: """ begins a text that OTP 27 and those before it read in two ways, and is not read`,
		"a\xffb":                             `line 1, column 2: byte 255 is not UTF-8`,
		"#{a => 1,\n a => 2}":                `line 2, column 9: key a is in the map that ends here twice`,
		"#{1 => a, 16#1 => b}":               `line 1, column 21: key 1 is in the map that ends here twice`,
		"37#1":                               `line 1, column 1: expected a base from 2 to 36, found 37`,
		"a b":                                `line 1, column 3: expected the end of the text, found "b"`,
		"'" + strings.Repeat("x", 256) + "'": `line 1, column 1: atom of more than 255 characters`,
	} {
		_, err := etf.Parse(text, etf.Limits{})
		var fault *etf.TextError
		require.ErrorAs(t, err, &fault, text)
		require.Equal(t, "etf: "+want, err.Error())
	}
	_, err := etf.ParseFile("a.\nb\n", etf.Limits{})
	require.EqualError(t, err, `etf: line 3, column 1: expected "." behind the term, found the end of the text`)
}

func TestParseKeepsTheLimits(t *testing.T) {
	for _, c := range []struct {
		text string
		lim  etf.Limits
		ok   bool
	}{
		{"[a]", etf.Limits{MaxBytes: 3}, true},
		{"[a]", etf.Limits{MaxBytes: 2}, false},
		{"[[a]]", etf.Limits{MaxDepth: 2}, true},
		{"[[[]]]", etf.Limits{MaxDepth: 2}, true},
		{"[[a]]", etf.Limits{MaxDepth: 1}, false},
		{"{1,2}", etf.Limits{MaxTerms: 3}, true},
		{"{1,2}", etf.Limits{MaxTerms: 2}, false},
		{`"abc"`, etf.Limits{MaxTerms: 4}, true},
		{`"abc"`, etf.Limits{MaxTerms: 3}, false},
		{"[a,b]", etf.Limits{MaxAtoms: 2}, true},
		{"[a,b]", etf.Limits{MaxAtoms: 1}, false},
		{"#{a=>1,b=>2}", etf.Limits{MaxPairs: 2}, true},
		{"#{a=>1,b=>2}", etf.Limits{MaxPairs: 1}, false},
		{"16#FFFFFFFFFFFFFFFFFFFF", etf.Limits{MaxBigBytes: 10}, true},
		{"16#FFFFFFFFFFFFFFFFFFFF", etf.Limits{MaxBigBytes: 9}, false},
		{"-1208925819614629174706175", etf.Limits{MaxBigBytes: 10}, true},
		{"-1208925819614629174706176", etf.Limits{MaxBigBytes: 10}, false},
		{"<<1:80,1:160>>", etf.Limits{MaxBytes: 30}, true},
		{"<<1:80,1:168>>", etf.Limits{MaxBytes: 30}, false},
		{"<<0:99999999999999999999>>", etf.Limits{}, false},
		{"<<0:16777216/unit:256>>", etf.Limits{}, false},
		{"#{a=>" + strings.Repeat("#{", 65), etf.Limits{MaxDepth: 1000}, false},
		{strings.Repeat("#{", 65) + "a" + strings.Repeat("=>1}", 65), etf.Limits{MaxDepth: 1000}, true},
		{strings.Repeat("#{", 67) + "a" + strings.Repeat("=>1}", 67), etf.Limits{MaxDepth: 1000}, false},
	} {
		_, err := etf.Parse(c.text, c.lim)
		if c.ok {
			require.NoError(t, err, c.text)
			continue
		}
		require.Error(t, err, c.text)
	}
	var limit *etf.LimitError
	_, err := etf.Parse(strings.Repeat("{", 65), etf.Limits{})
	require.ErrorAs(t, err, &limit)
	require.Equal(t, "MaxDepth", limit.Limit)
}

// Texts that would cost a careless reader its stack, or time that grows with the square of their length.
func TestParseIsLinearInHostileTexts(t *testing.T) {
	const n = 300_000
	lim := etf.Limits{MaxDepth: 1 << 16, MaxTerms: 1 << 22, MaxBigBytes: 1 << 20, MaxPairs: 1 << 20}
	for _, text := range []string{
		strings.Repeat("[", n), strings.Repeat("{", n), strings.Repeat("#{", n), strings.Repeat("#{a=>", n),
		strings.Repeat("\"\" ", n), strings.Repeat("<<1:8,", n), strings.Repeat("- ", n), strings.Repeat("%\n", n), strings.Repeat(`"\n`, n),
	} {
		spent := allocated(func() {
			_, err := etf.Parse(text, lim)
			if !strings.HasPrefix(text, `""`) {
				require.Error(t, err)
			}
		})
		t.Logf("%.5q: %d bytes for each", text, spent/uint64(len(text)))
		require.Less(t, spent, uint64(300*len(text)), "%.5q", text)
	}
	// Maps in keys of maps, at every level beside a key of the same size: twice the text for each level.
	key := "#{}"
	for range 12 {
		key = "#{" + key + "=>1,{" + key + "}=>2}"
	}
	term, err := etf.Parse(key, lim)
	require.NoError(t, err)
	require.NotEmpty(t, etf.Text(term))
	cells, err := etf.Parse(strings.Repeat("[1|", n)+"[]"+strings.Repeat("]", n), lim)
	require.NoError(t, err)
	require.Len(t, cells, n)
	_, err = etf.Parse(strings.Repeat("9", n), lim)
	require.NoError(t, err)
}

func FuzzParse(f *testing.F) {
	for _, v := range verdicts(f) {
		f.Add([]byte(v.text))
	}
	f.Add([]byte("<<1:4,2:444444>>"))
	for _, text := range found(f) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		few := etf.Limits{MaxBytes: 1 << 16} // a size of a few digits is megabytes of text
		term, err := etf.Parse(text, few)
		if _, fileErr := etf.ParseFile(text, few); err != nil && fileErr != nil {
			require.True(t, strings.HasPrefix(err.Error(), "etf: ") && strings.HasPrefix(fileErr.Error(), "etf: "))
		}
		if err != nil {
			return
		}
		for _, unicode := range []bool{false, true} {
			printed := etf.AppendText(nil, term, etf.TextOptions{Unicode: unicode})
			again, err := etf.Parse(printed, etf.Limits{})
			require.NoError(t, err, "%q printed as %s", text, printed)
			require.Equal(t, string(printed), string(etf.AppendText(nil, again, etf.TextOptions{Unicode: unicode})))
		}
		data := mustAppend(term)
		_, err = etf.Decode(data, etf.Limits{MaxBytes: 1 << 30, MaxTerms: 1 << 30})
		require.NoError(t, err)
	})
}

// Any term is printed, within the limits, and read back or refused for what has no text.
func FuzzText(f *testing.F) {
	for _, g := range goldens {
		f.Add(unhex(f, g.latin1), 3, 20, true)
		f.Add(unhex(f, g.latin1), -1, -1, false)
	}
	for _, data := range found(f) {
		f.Add(data, 3, 20, true)
		f.Add(data, -1, -1, false)
	}
	f.Fuzz(func(t *testing.T, data []byte, depth, bytes int, unicode bool) {
		term, err := etf.Decode(data, etf.Limits{})
		if err != nil {
			return
		}
		whole := string(etf.AppendText(nil, term, etf.TextOptions{Unicode: unicode}))
		cut := string(etf.AppendText(nil, term, etf.TextOptions{Unicode: unicode, MaxBytes: bytes}))
		if begin, isCut := strings.CutSuffix(cut, "..."); bytes > 0 && len(whole) > max(bytes, 3) {
			require.True(t, isCut && len(cut) <= max(bytes, 3) && strings.HasPrefix(whole, begin), cut)
		} else {
			require.Equal(t, whole, cut)
		}
		etf.AppendText(nil, term, etf.TextOptions{MaxDepth: depth, MaxBytes: bytes})
		again, err := etf.Parse(whole, etf.Limits{})
		if err == nil {
			require.Equal(t, whole, string(etf.AppendText(nil, again, etf.TextOptions{Unicode: unicode})))
			return
		}
		for _, named := range []string{"#Pid<", "#Port<", "#Ref<", "#Fun<"} {
			if strings.Contains(whole, named) {
				return
			}
		}
		var limit *etf.LimitError
		require.ErrorAs(t, err, &limit, "%s", whole)
	})
}

// What a segment claims is compared with the limit before it is multiplied, and
// added to, whatever the limit and however large an int is.
func TestSizesOfSegmentsDoNotOverflow(t *testing.T) {
	for _, text := range []string{
		"<<0:134217727/unit:32>>", "<<0:9223372036854775807>>", "<<0:9223372036854775807/unit:256>>",
		"<<0:9223372036854775800>>", "<<0:4611686018427387904/unit:2>>", "<<0:4611686018427387904/unit:4>>", "<<1.0:9223372036854775807/float>>",
		"<<0:2147483647/unit:16>>",
	} {
		for _, most := range []int{0, 1 << 20, math.MaxInt} {
			if most == math.MaxInt && (text == "<<0:134217727/unit:32>>" || text == "<<0:2147483647/unit:16>>") {
				continue // half a gigabyte and four of them, which were asked for
			}
			_, err := etf.Parse(text, etf.Limits{MaxBytes: most})
			var limit *etf.LimitError
			require.ErrorAs(t, err, &limit, "%s within %d", text, most)
			require.Equal(t, "MaxBytes", limit.Limit)
			require.GreaterOrEqual(t, limit.Got, limit.Max)
			require.True(t, limit.Got > limit.Max || limit.Max == math.MaxInt)
		}
	}
}
