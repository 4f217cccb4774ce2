package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	greek  = "κ\u1f79σμε" // 11 octets
	umlaut = "Hello-µ@ßöäüàá-UTF-8!!"
	// surrogate is text with half of a pair in it, which is nothing in UTF-8.
	surrogate = greek + "\xed\xa0\x80edited"
)

func texts() []testCase {
	cases := []testCase{
		echoed("6.1.1", "empty text", 0, text("")),
		valid("6.1.2", "text in three empty fragments", text("").begins(), next("").begins(), next("")),
		valid("6.1.3", "text in three fragments, of which the middle one is not empty", text("").begins(), next("middle").begins(), next("")),
		valid("6.2.1", "text", text(umlaut)),
		valid("6.2.2", "text in two fragments, parted between code points", text(umlaut[:15]).begins(), next(umlaut[15:])),
		valid("6.2.3", "text in fragments of an octet", split(text(umlaut), 1)...),
		valid("6.2.4", "Greek text in fragments of an octet", split(text(greek), 1)...),
		invalid("6.3.1", "text with a surrogate in it", text(surrogate)),
		invalid("6.3.2", "the same in fragments of an octet", split(text(surrogate), 1)...),
		failFast("6.4.1", 11, 15, true),
		failFast("6.4.2", 12, 13, true),
		failFast("6.4.3", 11, 15, false),
		failFast("6.4.4", 12, 13, false),
	}
	for i, group := range sequences() {
		for j, sequence := range group.texts {
			id, about := fmt.Sprintf("6.%d.%d", i+5, j+1), fmt.Sprintf("%s: %+q", group.name, sequence)
			if utf8.ValidString(sequence) {
				cases = append(cases, valid(id, about, text(sequence)))
			} else {
				cases = append(cases, invalid(id, about, text(sequence)))
			}
		}
	}
	return cases
}

// valid is text that comes back as one message.
func valid(id, about string, frames ...frame) testCase {
	var whole []byte
	for _, f := range frames {
		whole = append(whole, f.payload...)
	}
	return echoed(id, about, 0, text(whole)).sends(frames...)
}

func invalid(id, about string, frames ...frame) testCase {
	return testCase{id: id, about: about, frames: frames, closing: refusedText}
}

// failFast sends text in three parts, in frames or in chops of one. The second makes it invalid, by a code point beyond the last
// one: the server should end the connection by then, and must at the end.
func failFast(id string, from, to int, frames bool) testCase {
	whole := greek + "\xf4\x90\x80\x80edited"
	parts := []string{whole[:from], whole[from:to], whole[to:]}
	waited := event{what: sawWait}
	t := testCase{
		id: id, about: fmt.Sprintf("text that octets %d to %d make invalid, and the rest after a while", from, to),
		strict: []event{waited}, loose: [][]event{{waited, waited}}, closing: refusedText,
	}
	t.play = func(s *session) string {
		if frames {
			s.partByFrame(parts)
		} else {
			s.partByChop(parts)
		}
		return ""
	}
	return t
}

// partByFrame sees by a ping behind a fragment whether the server has taken it.
func (s *session) partByFrame(parts []string) {
	frames := []frame{text(parts[0]).begins(), next(parts[1]).begins(), next(parts[2])}
	for _, f := range frames[:2] {
		s.sendAll([]frame{f, ping("taken?")}, -1)
		e, ok := s.take()
		if !ok {
			return
		}
		if e == (event{sawPong, "taken?"}) {
			s.got[len(s.got)-1] = event{what: sawWait}
		}
	}
	s.sendAll(frames[2:], 0)
}

// partByChop can but wait.
func (s *session) partByChop(parts []string) {
	bytes := text(strings.Join(parts, "")).append(nil)
	head := len(bytes) - len(strings.Join(parts, ""))
	ends := []int{head + len(parts[0]), head + len(parts[0]) + len(parts[1])}
	from := 0
	for _, end := range ends {
		s.write(bytes[from:end], 0)
		if from = end; !s.goesOn() {
			return
		}
	}
	s.write(bytes[from:], 0)
}

type sequenceGroup struct {
	name  string
	texts []string
}

// sequences are those of sections 6.5 to 6.23: what Markus Kuhn's "UTF-8 decoder capability and stress test" lists.
func sequences() []sequenceGroup {
	truncated := []string{
		"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80",
		"\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf",
	}
	return []sequenceGroup{
		{"some text", []string{"hello$world", "hello¢world", "hello€world", "hello\U00024b62world", greek}},
		{"the beginning of text", prefixes(greek)},
		{"the first code point of a length", []string{"\x00", "\u0080", "\u0800", "\U00010000"}},
		{"the first of a length that there is no more", []string{"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"}},
		{"the last code point of a length", []string{"\x7f", "\u07ff", "\uffff", "\U0010ffff"}},
		{"the last of a length", []string{"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"}},
		{"at a border", []string{"\ud7ff", "\ue000", "\ufffd", "\U0010ffff", "\xf4\x90\x80\x80"}},
		{"continuation of nothing", append(strays(), octets(0x80, 0xbf, ""))},
		{"starts without continuation", []string{
			octets(0xc0, 0xdf, " "), octets(0xe0, 0xef, " "), octets(0xf0, 0xf7, " "), octets(0xf8, 0xfb, " "), octets(0xfc, 0xfd, " "),
		}},
		{"without the last octet", truncated},
		{"many of these", []string{strings.Join(truncated, "")}},
		{"octets that are never there", []string{"\xfe", "\xff", "\xfe\xfe\xff\xff"}},
		{"a slash in too many octets", []string{"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"}},
		{"the last in too many octets", []string{"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"}},
		{"NUL in too many octets", []string{"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"}},
		{"one surrogate", []string{
			"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf",
		}},
		{"two surrogates", pairs([]string{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf"}, []string{"\xed\xb0\x80", "\xed\xbf\xbf"})},
		{"code points that are no characters", noCharacters()},
		{"special code points", strings.Split("\ufff9\ufffa\ufffb\ufffc\ufffd\ufffe\uffff", "")},
	}
}

func prefixes(s string) []string {
	var all []string
	for i := range len(s) {
		all = append(all, s[:i+1])
	}
	return all
}

// octets are those from the first to before the last, each with something behind it.
func octets(first, last byte, behind string) string {
	var s string
	for b := first; b < last; b++ {
		s += string([]byte{b}) + behind
	}
	return s
}

func strays() []string {
	all := []string{"\x80", "\xbf"}
	for n := 2; n <= 6; n++ {
		all = append(all, strings.Repeat("\x80\xbf", 3)[:n])
	}
	return all
}

func pairs(firsts, seconds []string) []string {
	var all []string
	for _, first := range firsts {
		for _, second := range seconds {
			all = append(all, first+second)
		}
	}
	return all
}

// noCharacters are the last two of each plane.
func noCharacters() []string {
	var all []string
	for plane := range rune(17) {
		all = append(all, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	return slices.Clip(all)
}
