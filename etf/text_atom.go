package etf

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// isPrintable tells whether a character is printed as such in strings: it is
// what io_lib:printable_list/1 says. It does not ask what the character is: those
// of Latin-1 and, with Unicode, all others but surrogates and U+FFFE and U+FFFF.
func (p *printer) isPrintable(c rune) bool {
	switch {
	case c < 0xA0:
		return ' ' <= c && c <= '~' || '\b' <= c && c <= '\r' || c == '\x1b'
	case c <= 0xFF:
		return true
	}
	return p.unicode && utf8.ValidRune(c) && c != 0xFFFE && c != 0xFFFF
}

// escapes are the letters of the characters that have one.
var escapes = [128]byte{
	'\b': 'b', '\t': 't', '\n': 'n', '\v': 'v', '\f': 'f', '\r': 'r', '\x1b': 'e', '\x7f': 'd',
}

// character prints a character within quotes.
func (p *printer) character(c, quote rune) {
	switch {
	case c == quote || c == '\\':
		p.dst = append(p.dst, '\\', byte(c))
	case c < 128 && escapes[c] != 0:
		p.dst = append(p.dst, '\\', escapes[c])
	case c < ' ' || '\x7f' <= c && c < 0xA0:
		p.dst = append(p.dst, '\\', '0'+byte(c>>6), '0'+byte(c>>3&7), '0'+byte(c&7))
	case c > 0xFF && !p.unicode:
		p.dst = fmt.Appendf(p.dst, `\x{%X}`, c)
	default:
		p.dst = utf8.AppendRune(p.dst, c)
	}
}

func (p *printer) atom(name string) {
	if !isAtom(name, 0) {
		p.invalid("atom that is not UTF-8 or too long")
		return
	}
	if isBareAtom(name) {
		p.dst = append(p.dst, name...)
		return
	}
	p.dst = append(p.dst, '\'')
	for _, c := range name {
		p.character(c, '\'')
	}
	p.dst = append(p.dst, '\'')
}

// isBareAtom tells whether an atom needs no quotes.
func isBareAtom(name string) bool {
	for i, c := range name {
		if !isNameCharacter(c) || i == 0 && !isLower(c) {
			return false
		}
	}
	return name != "" && !reserved[name]
}

// Erlang's letters are those of Latin-1, and no others are.
func isLower(c rune) bool {
	return 'a' <= c && c <= 'z' || 0xDF <= c && c <= 0xFF && c != 0xF7
}

func isUpper(c rune) bool {
	return 'A' <= c && c <= 'Z' || 0xC0 <= c && c <= 0xDE && c != 0xD7
}

func isNameCharacter(c rune) bool {
	return isLower(c) || isUpper(c) || '0' <= c && c <= '9' || c == '_' || c == '@'
}

// reserved are the words that are no atoms without quotes. The last two are
// reserved since OTP 27, and quoted here so that it can read what is printed.
var reserved = map[string]bool{
	"after": true, "and": true, "andalso": true, "band": true, "begin": true, "bnot": true, "bor": true,
	"bsl": true, "bsr": true, "bxor": true, "case": true, "catch": true, "cond": true, "div": true,
	"end": true, "fun": true, "if": true, "let": true, "not": true, "of": true, "or": true, "orelse": true,
	"receive": true, "rem": true, "try": true, "when": true, "xor": true,
	"else": true, "maybe": true,
}

// binary prints a binary: as text, if all of it is printable, or as numbers. With
// Unicode what is UTF-8 is taken as that, and as Latin-1 only what is not.
func (p *printer) binary(s string) {
	switch {
	case s == "":
		p.dst = append(p.dst, "<<>>"...)
	case p.unicode && utf8.ValidString(s):
		p.binaryUTF8(s)
	case p.isTextLatin1(s):
		p.dst = append(p.dst, `<<"`...)
		for i := 0; i < len(s) && p.room() > 0; i++ {
			p.character(rune(s[i]), '"')
		}
		p.dst = append(p.dst, `">>`...)
	default:
		p.wholeBytes(s)
	}
}

func (p *printer) binaryUTF8(s string) {
	end := `">>`
	for _, c := range s {
		if !p.isPrintable(c) {
			p.wholeBytes(s)
			return
		}
		if c >= utf8.RuneSelf {
			end = `"/utf8>>`
		}
	}
	p.dst = append(p.dst, `<<"`...)
	for _, c := range s {
		if p.room() <= 0 {
			return
		}
		p.character(c, '"')
	}
	p.dst = append(p.dst, end...)
}

func (p *printer) wholeBytes(s string) {
	p.dst = append(p.dst, "<<"...)
	p.numbers(s)
	p.dst = append(p.dst, ">>"...)
}

func (p *printer) isTextLatin1(s string) bool {
	for i := range len(s) {
		if !p.isPrintable(rune(s[i])) {
			return false
		}
	}
	return true
}

func (p *printer) numbers(s string) {
	for i := 0; i < len(s) && p.room() > 0; i++ {
		p.comma(i)
		p.dst = strconv.AppendUint(p.dst, uint64(s[i]), 10)
	}
}
