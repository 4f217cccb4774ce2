package etf_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// hostileSet is what somebody sends who wants a program to die: by name what makes the inputs, when their turn has come.
func hostileSet(t *testing.T) map[string]func() []string {
	const million = 1_000_000
	set := map[string]func() []string{
		"claims of 2G": func() []string { return claims(math.MaxInt32) },
		"claims of 4G": func() []string { return claims(math.MaxUint32) },
		"truncations":  func() []string { return truncations(t) },
	}
	for _, c := range []struct {
		name string
		data func() string
	}{
		{"tuples in each other", func() string { return "\x83" + strings.Repeat("h\x01", million) + "j" }},
		{"lists in each other", func() string {
			return "\x83" + strings.Repeat("l\x00\x00\x00\x01", million) + "j" + strings.Repeat("j", million)
		}},
		{"tails of each other", func() string { return "\x83" + strings.Repeat("l\x00\x00\x00\x01j", million) + "j" }},
		{"tails of none", func() string { return "\x83" + strings.Repeat("l\x00\x00\x00\x00", million) + "j" }},
		{"keys of each other", func() string {
			return "\x83" + strings.Repeat("t\x00\x00\x00\x01", million) + "j" + strings.Repeat("j", million)
		}},
		{"values of each other", func() string { return "\x83" + strings.Repeat("t\x00\x00\x00\x01j", million) + "j" }},
		{"funs in each other", func() string {
			return "\x83" + strings.Repeat("p\x00\x00\x00\x00\x00"+strings.Repeat("\x00", 20)+"\x00\x00\x00\x01w\x01aa\x00a\x00Xw\x01a"+strings.Repeat("\x00", 12), million/10) + "j"
		}},
		{"10 million nils", func() string { return "\x83l" + word(10*million) + strings.Repeat("j", 10*million+1) }},
		{"50 million nils", func() string { return "\x83l" + word(50*million) + strings.Repeat("j", 50*million+1) }},
		{"big integer", func() string { return "\x83o" + word(million) + "\x00" + strings.Repeat("\xff", million) }},
		{"big integer as a key", func() string {
			return "\x83t\x00\x00\x00\x01o" + word(million) + "\x00" + strings.Repeat("\xff", million) + "j"
		}},
		{"keys alike but for a few", func() string { return "\x83t" + word(100_000) + floodOfKeys(100_000) }},
		{"bomb of zeros", func() string { return bomb(1<<27, "\x00") }},
		{"bomb of nils", func() string { return bomb(1<<26, "j") }},
		{"bomb that lies", func() string { return strings.Replace(bomb(1<<26, "j"), word(1<<26), word(100), 1) }},
		{"bomb that claims all", func() string { return strings.Replace(bomb(1<<20, "j"), word(1<<20), word(uint32(math.MaxUint32)), 1) }},
	} {
		set[c.name] = func() []string { return []string{c.data()} }
	}
	return set
}

func word[T int | uint32](n T) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(n)))
}

// claims are containers of every kind that have nothing of what they say.
func claims(count uint32) []string {
	w := word(count)
	return []string{
		"\x83i" + w, "\x83l" + w, "\x83t" + w, "\x83m" + w, "\x83M" + w + "\x07", "\x83o" + w + "\x00", "\x83P" + w, "\x83k\xff\xff",
		"\x83p" + w + strings.Repeat("\x00", 21) + w + "w\x01aa\x00a\x00Xw\x01a" + strings.Repeat("\x00", 12), "\x83p" + w,
		"\x83d\xff\xff", "\x83v\xff\xff", "\x83Z\xff\xff", "\x83r\xff\xff", "\x83n\xff\x00", "\x83h\xff", "\x83l\x00\x00\x00\x01i" + w,
	}
}

// floodOfKeys differ in their middle only, where a hash of ends and length does not look.
func floodOfKeys(n int) string {
	var b []byte
	for i := range n {
		b = etf.AppendBinary(b, fmt.Sprintf("host%08x%032dhost", i, 0))
		b = etf.AppendNil(b)
	}
	return string(b)
}

// bomb is a list of n bytes, compressed.
func bomb(n int, of string) string {
	var b bytes.Buffer
	b.WriteString("\x83P" + word(n))
	z := zlib.NewWriter(&b)
	head := "l" + word(n-6)
	_, _ = z.Write([]byte(head))
	block := bytes.Repeat([]byte(of), 1<<16)
	for left := n - len(head); left > 0; left -= len(block) {
		_, _ = z.Write(block[:min(left, len(block))])
	}
	_ = z.Close()
	return b.String()
}

// truncations are the beginnings of every term of the tables: all of them, but of the two terms of 64 KiB and more, which are
// lists of sevens, the first 4096 and the last 64. To go over the sevens once more for each of them would take minutes.
func truncations(t *testing.T) (cut []string) {
	var whole []string
	for _, g := range goldens {
		whole = append(whole, g.latin1, g.utf8)
	}
	for _, o := range opaque {
		whole = append(whole, "83"+o.hex)
	}
	for _, f := range foreign {
		whole = append(whole, f.hex)
	}
	for _, m := range malformed {
		whole = append(whole, m.hex)
	}
	for _, m := range mapKeys {
		whole = append(whole, m.hex)
	}
	for _, u := range unusualData(t) {
		whole = append(whole, hex.EncodeToString(u.data))
	}
	for _, c := range noTerms {
		whole = append(whole, hex.EncodeToString([]byte("\x83"+c.data)))
	}
	for _, digits := range whole {
		data := string(unhex(t, digits))
		for n := range len(data) {
			if n <= 4096 || n >= len(data)-64 {
				cut = append(cut, data[:n])
			}
		}
	}
	return cut
}

// readAll gives data to everything that reads, and says what happened. A value that is too large to be worth the
// time is not printed.
func readAll(data string, o etf.Options) error {
	term, decodeErr := o.Decode([]byte(data))
	errs := []error{decodeErr, o.Valid(data)}
	if decodeErr == nil && len(data) < 1<<20 {
		_, err := o.Append(nil, term)
		errs = append(errs, err)
		etf.Text(term)
	}
	term = nil
	var request struct {
		Host string
		List []any
		Rest map[etf.Binary]any `etf:",inline"`
	}
	var value any
	errs = append(errs, o.Unmarshal([]byte(data), &request), o.Unmarshal([]byte(data), &value))
	return errors.Join(append(errs, skipAll(data))...)
}

// Each gives a value or an error, with the default limits and with the highest there are,
// save that no value may be of more than 256 MiB.
func TestTheHostileSetKillsNobody(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes it ten times as long; TestTheHostileSetFitsInTwoGigabytes runs it without")
	}
	highest := etf.Limits{
		MaxBytes: math.MaxInt, MaxDepth: math.MaxInt, MaxTerms: math.MaxInt, MaxPairs: math.MaxInt,
		MaxAtoms: math.MaxInt, MaxBigBytes: math.MaxInt, MaxMemory: 1 << 28,
	}
	for name, inputs := range hostileSet(t) {
		t.Run(name, func(t *testing.T) {
			for _, data := range inputs() {
				for _, o := range []etf.Options{
					{},
					{AllowCompressed: true, AllowLocal: true, AllowTrailing: true, AllowDuplicateKeys: true, AllowNonFinite: true, AllowNonUTF8Atoms: true},
					{Limits: highest, AllowCompressed: true, Deterministic: true},
				} {
					if err := readAll(data, o); err != nil {
						require.Contains(t, err.Error(), "etf: ")
					}
				}
			}
		})
	}
}

// Each of them in a process of its own that may have two gigabytes of address space, without the race detector, which
// takes more. Of these Go itself takes more than one.
func TestTheHostileSetFitsInTwoGigabytes(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("ulimit -v has its meaning on Linux")
	}
	file := filepath.Join(t.TempDir(), "etf.test")
	out, err := exec.Command("go", "test", "-race=false", "-c", "-o", file, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for name := range hostileSet(t) {
		t.Run(name, func(t *testing.T) {
			only := "^TestTheHostileSetKillsNobody$/^" + strings.ReplaceAll(name, " ", "_") + "$"
			out, err := exec.Command("sh", "-c", `ulimit -v 2097152 && exec "$0" -test.v -test.run "$1"`, file, only).CombinedOutput()
			require.NoError(t, err, "%.2000s", out)
			require.Contains(t, string(out), "--- PASS: TestTheHostileSetKillsNobody/")
		})
	}
}
