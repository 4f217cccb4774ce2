package etf

import (
	"strings"
	"unicode/utf8"
)

// simple reads a term that holds no others.
func (p *textParser) simple() (any, error) {
	c, _ := utf8.DecodeRuneInString(p.s[p.i:])
	switch {
	case '0' <= c && c <= '9':
		return p.number(false)
	case c == '-' || c == '+':
		return p.signed()
	case c == '$':
		n, err := p.dollar()
		return int64(n), err
	case c == '"':
		return p.stringList()
	case c == '\'':
		return p.word()
	case c == '<':
		return p.binary()
	case isLower(c):
		return p.word()
	case isUpper(c) || c == '_':
		return nil, faultf(p.i, "expected a term, found %s, which is a variable", p.found())
	case c == '~':
		return nil, faultf(p.i, `expected a term, found "~": sigils are not read`)
	case c == '(':
		return nil, faultf(p.i, `expected a term, found "(": parentheses are not read`)
	}
	return nil, p.expected("a term")
}

// signed reads a number behind a sign; white space and comments may be between.
func (p *textParser) signed() (any, error) {
	negative := p.s[p.i] == '-'
	p.i++
	p.space()
	switch {
	case p.i < len(p.s) && '0' <= p.s[p.i] && p.s[p.i] <= '9':
		return p.number(negative)
	case p.i < len(p.s) && p.s[p.i] == '$':
		n, err := p.dollar()
		if negative {
			n = -n
		}
		return int64(n), err
	}
	return nil, p.expected("a number behind the sign")
}

// word reads an atom, or a fun.
func (p *textParser) word() (any, error) {
	at := p.i
	name, err := p.atomName()
	switch {
	case err != nil:
		return nil, err
	case name == "fun" && p.s[at] == 'f':
		return p.export()
	case p.atoms == p.lim.MaxAtoms:
		return nil, &LimitError{"MaxAtoms", p.lim.MaxAtoms, p.atoms + 1, 0}
	}
	p.atoms++
	return Atom(name), nil
}

// atomName reads an atom, with quotes or without. The word fun is for the caller
// to know.
func (p *textParser) atomName() (string, error) {
	at := p.i
	var name string
	var err error
	if p.next("'") {
		if name, err = p.quoted('\'', at); err != nil {
			return "", err
		}
	} else {
		name = p.name()
		switch {
		case name == "":
			return "", p.expected("an atom")
		case name == "fun":
			return name, nil
		case reserved[name] && name != "else" && name != "maybe":
			return "", faultf(at, "expected a term, found %q, which is a reserved word; the atom is '%s'", name, name)
		}
	}
	if len(name) > maxAtom && utf8.RuneCountInString(name) > maxAtom {
		return "", faultf(at, msgAtom)
	}
	return name, nil
}

// name reads the characters of an atom without quotes, if such an atom comes next.
func (p *textParser) name() string {
	at := p.i
	for p.i < len(p.s) {
		c, n := utf8.DecodeRuneInString(p.s[p.i:])
		if !isNameCharacter(c) || p.i == at && !isLower(c) {
			break
		}
		p.i += n
	}
	return p.s[at:p.i]
}

// export reads what is behind the word fun in fun M:F/A.
func (p *textParser) export() (any, error) {
	p.space()
	module, err := p.exportAtom(":")
	if err != nil {
		return nil, err
	}
	function, err := p.exportAtom("/")
	if err != nil {
		return nil, err
	}
	at := p.i
	if p.i >= len(p.s) || p.s[p.i] < '0' || '9' < p.s[p.i] {
		return nil, p.expected("the arity of a fun")
	}
	term, err := p.number(false)
	if err != nil {
		return nil, err
	}
	arity, ok := term.(int64)
	if !ok || arity > 255 {
		return nil, faultf(at, "expected an arity from 0 to 255")
	}
	return Export{Atom(module), Atom(function), uint8(arity)}, nil
}

func (p *textParser) exportAtom(behind string) (string, error) {
	if p.i < len(p.s) && p.s[p.i] != '\'' {
		if c, _ := utf8.DecodeRuneInString(p.s[p.i:]); !isLower(c) {
			return "", p.expected("an atom: the only funs that are terms are fun M:F/A")
		}
	}
	name, err := p.atomName()
	if err != nil {
		return "", err
	}
	if name == "fun" && p.s[p.i-1] != '\'' {
		return "", p.expected("an atom")
	}
	if p.space(); !p.next(behind) {
		return "", faultf(p.i, "expected %q, found %s: the only funs that are terms are fun M:F/A", behind, p.found())
	}
	p.space()
	return name, nil
}

// stringList reads a string, and those behind it, which are one with it.
func (p *textParser) stringList() (any, error) {
	text, err := p.strings()
	if err != nil {
		return nil, err
	}
	n := utf8.RuneCountInString(text)
	if err := p.count(n); err != nil {
		return nil, err
	}
	if n == 0 {
		return emptyList, nil
	}
	list := make(List, 0, n)
	for _, c := range text {
		list = append(list, int64(c))
	}
	return list, nil
}

// strings reads a string, and all that follow it.
func (p *textParser) strings() (string, error) {
	var all []byte
	for {
		at := p.i
		if p.space(); !strings.HasPrefix(p.s[p.i:], `"`) {
			p.i = at
			return string(all), nil
		}
		at = p.i
		if strings.HasPrefix(p.s[at:], `"""`) {
			return "", faultf(at, `""" begins a text that OTP 27 and those before it read in two ways, and is not read`)
		}
		p.i++
		text, err := p.quoted('"', at)
		if err != nil {
			return "", err
		}
		all = append(all, text...)
	}
}

// quoted reads up to the closing quote; the opening one stands at at.
func (p *textParser) quoted(quote byte, at int) (string, error) {
	var b strings.Builder
	for {
		n := strings.IndexAny(p.s[p.i:], `\`+string(rune(quote)))
		if n < 0 {
			return "", faultf(at, "expected the closing %c of what begins here, found the end of the text", quote)
		}
		part := p.s[p.i : p.i+n]
		p.i += n + 1
		if p.s[p.i-1] == quote {
			if b.Len() == 0 {
				return part, nil
			}
			b.WriteString(part)
			return b.String(), nil
		}
		b.WriteString(part)
		c, err := p.escape()
		if err != nil {
			return "", err
		}
		b.WriteRune(c)
	}
}

// dollar reads a character behind $.
func (p *textParser) dollar() (rune, error) {
	p.i++
	if p.next(`\`) {
		return p.escape()
	}
	if p.i >= len(p.s) {
		return 0, p.expected("a character behind $")
	}
	c, n := utf8.DecodeRuneInString(p.s[p.i:])
	p.i += n
	return c, nil
}

// letters are the characters that have a letter behind a backslash.
var letters = map[rune]rune{
	'b': '\b', 'd': '\x7f', 'e': '\x1b', 'f': '\f', 'n': '\n', 'r': '\r', 's': ' ', 't': '\t', 'v': '\v',
}

// escape reads what is behind a backslash.
func (p *textParser) escape() (rune, error) {
	at := p.i - 1
	if p.i >= len(p.s) {
		return 0, p.expected(`a character behind \`)
	}
	c, n := utf8.DecodeRuneInString(p.s[p.i:])
	p.i += n
	switch {
	case letters[c] != 0:
		return letters[c], nil
	case '0' <= c && c <= '7':
		p.i--
		return p.digits(at, 8, 1, 3)
	case c == 'x' && p.next("{"):
		c, err := p.digits(at, 16, 1, 8)
		if err == nil && !p.next("}") {
			err = p.expected(`"}" behind the digits of \x{`)
		}
		return c, err
	case c == 'x':
		return p.digits(at, 16, 2, 2)
	case c == '^':
		if p.i >= len(p.s) || p.s[p.i] < '@' || 'z' < p.s[p.i] || p.s[p.i] == '`' {
			return 0, p.expected(`a letter or one of @[\]^_ behind \^`)
		}
		p.i++
		return rune(p.s[p.i-1] & 0x1f), nil
	}
	return c, nil
}

// digits reads the number of a character, of least to most digits.
func (p *textParser) digits(at, base, least, most int) (rune, error) {
	n, i := 0, 0
	for ; i < most && p.i < len(p.s); i++ {
		d := digitValue(p.s[p.i])
		if d >= base {
			break
		}
		n = n*base + d
		p.i++
	}
	switch {
	case i < least:
		return 0, faultf(p.i, "expected %d more of the digits of a character, to the base %d, found %s", least-i, base, p.found())
	case n > utf8.MaxRune || !utf8.ValidRune(rune(n)):
		return 0, faultf(at, "%s is no character", p.s[at:p.i])
	}
	return rune(n), nil
}

// digitValue is the value of a digit to any base up to 36, or 36.
func digitValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'Z':
		return int(c-'A') + 10
	}
	return 36
}
