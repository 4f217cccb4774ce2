package etf

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A TextError says that a text is not Erlang's syntax of terms, or has something
// that this package does not read.
type TextError struct {
	Line   int    // the first is 1
	Column int    // in characters; the first is 1
	Msg    string // what is wrong there, and what is expected
}

// Error implements error.
func (e *TextError) Error() string {
	return fmt.Sprintf("etf: line %d, column %d: %s", e.Line, e.Column, e.Msg)
}

// Parse reads one term in Erlang's syntax, as erl_parse:parse_term/1 does; a dot
// behind it may be there. It returns the types that [Decode] returns. The text is
// UTF-8. The section "Text" of the package's comment says what is not read.
//
// Errors are of type [*TextError], or [*LimitError] where the text or the term
// is larger than lim allows: MaxBytes bounds the text and what its binaries have
// together, MaxMemory is not looked at, the other limits are as for Decode.
func Parse[T ~string | ~[]byte](text T, lim Limits) (any, error) {
	p := textParser{lim: lim.withDefaults()}
	if err := p.load(string(text)); err != nil {
		return nil, err
	}
	term, err := p.one()
	if err != nil {
		return nil, p.placed(err)
	}
	return term, nil
}

// ParseFile reads terms that end with a dot each, as file:consult/1 does: the
// form of sys.config, of app.src and of what users write for their programs. The
// text is UTF-8, or Latin-1 if a comment in its first or second line says so, as
// %% coding: latin-1 does. Errors and limits are as for [Parse]; the limits hold
// for all terms together. [Marshal] makes of a term what [Unmarshal] reads into a
// program's own types.
func ParseFile[T ~string | ~[]byte](text T, lim Limits) ([]any, error) {
	p := textParser{lim: lim.withDefaults()}
	s := string(text)
	if len(s) <= p.lim.MaxBytes && isLatin1File(s) {
		s = fromLatin1(s)
		p.lim.MaxBytes = max(p.lim.MaxBytes, len(s)) // it was checked as it came
	}
	if err := p.load(s); err != nil {
		return nil, err
	}
	terms := []any{}
	for p.space(); p.i < len(p.s); p.space() {
		term, err := p.term()
		if err == nil {
			err = p.dot()
		}
		if err != nil {
			return nil, p.placed(err)
		}
		terms = append(terms, term)
	}
	return terms, nil
}

// textParser is a text on its way to terms. The tuples, lists and maps that have
// begun and not ended are in open, so that their number costs no stack.
type textParser struct {
	s     string
	i     int
	lim   Limits
	terms int // so far, against MaxTerms
	atoms int // so far, against MaxAtoms
	bytes int // in binaries so far, against MaxBytes
	open  []parsed
}

// textFault is a TextError whose place is still an offset.
type textFault struct {
	at  int
	msg string
}

func (e *textFault) Error() string { return e.msg }

func faultf(at int, format string, args ...any) error {
	return &textFault{at, fmt.Sprintf(format, args...)}
}

// placed gives a fault its line and column. Nobody counts them before there is one.
func (p *textParser) placed(err error) error {
	f, ok := err.(*textFault)
	if !ok {
		return err
	}
	before := p.s[:f.at]
	line := strings.LastIndexByte(before, '\n') + 1
	return &TextError{1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[line:]), f.msg}
}

// load checks what concerns the text as a whole.
func (p *textParser) load(s string) error {
	if len(s) > p.lim.MaxBytes {
		return &LimitError{"MaxBytes", p.lim.MaxBytes, len(s), 0}
	}
	p.s = s
	if utf8.ValidString(s) {
		return nil
	}
	for i, c := range s {
		if _, n := utf8.DecodeRuneInString(s[i:]); c == utf8.RuneError && n == 1 {
			return p.placed(faultf(i, "byte %d is not UTF-8", s[i]))
		}
	}
	return nil
}

func (p *textParser) one() (any, error) {
	term, err := p.term()
	if err != nil {
		return nil, err
	}
	if p.space(); p.i < len(p.s) && p.atDot() {
		p.i++
		p.space()
	}
	if p.i < len(p.s) {
		return nil, p.expected("the end of the text")
	}
	return term, nil
}

// dot reads the dot that ends a term.
func (p *textParser) dot() error {
	if p.space(); !p.atDot() {
		return p.expected(`"." behind the term`)
	}
	p.i++
	return nil
}

// atDot tells whether a dot stands here that ends a term: one before white space,
// a comment or the end.
func (p *textParser) atDot() bool {
	rest := p.s[p.i:]
	if !strings.HasPrefix(rest, ".") {
		return false
	}
	return len(rest) == 1 || rest[1] == '%' || spaceAt(rest[1:]) > 0
}

// spaceAt is the length of the character that s begins with, if it is white space.
func spaceAt(s string) int {
	switch {
	case s == "":
	case s[0] <= ' ':
		return 1
	case len(s) > 1 && s[0] == 0xC2 && s[1] <= 0xA0: // U+0080 to U+00A0
		return 2
	}
	return 0
}

// space passes over white space and comments.
func (p *textParser) space() {
	for p.i < len(p.s) {
		if n := spaceAt(p.s[p.i:]); n > 0 {
			p.i += n
			continue
		}
		if p.s[p.i] != '%' {
			return
		}
		end := strings.IndexByte(p.s[p.i:], '\n')
		if end < 0 {
			p.i = len(p.s)
			return
		}
		p.i += end
	}
}

// next reads the given text, if it comes next.
func (p *textParser) next(token string) bool {
	if !strings.HasPrefix(p.s[p.i:], token) {
		return false
	}
	p.i += len(token)
	return true
}

// expected says what is wrong here: something else is.
func (p *textParser) expected(what string) error {
	return faultf(p.i, "expected %s, found %s", what, p.found())
}

// found is what comes next, as a message shows it: a word whole, else a character.
func (p *textParser) found() string {
	if p.i >= len(p.s) {
		return "the end of the text"
	}
	rest := p.s[p.i:]
	end := strings.IndexFunc(rest, func(c rune) bool { return !isNameCharacter(c) })
	if end < 0 {
		end = len(rest)
	}
	if end == 0 {
		_, end = utf8.DecodeRuneInString(rest)
	}
	const enough = 40
	if end > enough {
		return fmt.Sprintf("%q...", strings.ToValidUTF8(rest[:enough], ""))
	}
	return fmt.Sprintf("%q", rest[:end])
}

// count counts n more terms.
func (p *textParser) count(n int) error {
	if n > p.lim.MaxTerms-p.terms {
		return &LimitError{"MaxTerms", p.lim.MaxTerms, p.terms + n, 0}
	}
	p.terms += n
	return nil
}
