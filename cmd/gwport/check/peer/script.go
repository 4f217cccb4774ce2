package peer

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Script is a check as data: test/corpus/README.md describes how they are
// written.
type Script struct {
	Path, Rule, Flags, Name string
	Lines                   []string
}

// Is tells whether a flag stands behind the rule.
func (s Script) Is(flag string) bool { return slices.Contains(strings.Fields(s.Flags), flag) }

// Take takes the line that begins with a word out of the script; steps that stand
// behind a colon stay.
func (s *Script) Take(word string) string {
	for i, line := range s.Lines {
		if rest, ok := strings.CutPrefix(line+" ", word+" "); ok {
			rest, steps, isMore := cut(rest, " : ")
			s.Lines = slices.Delete(slices.Clone(s.Lines), i, i+1)
			if isMore {
				s.Lines = slices.Insert(s.Lines, i, strings.TrimSpace(steps))
			}
			return rest
		}
	}
	return ""
}

// Rows are the scripts that one with a line of rows stands for, one for each. In
// all of it $ is the row's first word, % all the others, or the first where there
// is no other, and %1 and so on the others one by one, without their quotes.
func (s Script) Rows() (all []Script) {
	rows := Words(s.Take("rows"))
	if len(rows) == 0 {
		return []Script{s}
	}
	for _, row := range rows {
		row = strings.TrimSuffix(strings.TrimPrefix(row, "("), ")")
		name, rest, _ := strings.Cut(row, " ")
		if rest == "" {
			rest = name
		}
		var places []string
		for i, word := range Words(rest) {
			places = append(places, fmt.Sprintf("%%%d", i+1), strings.Trim(word, `"`))
		}
		of := strings.NewReplacer(append(places, "$", name, "%", rest)...)
		r := Script{Path: of.Replace(s.Path), Rule: s.Rule, Flags: s.Flags, Name: of.Replace(s.Name)}
		for _, line := range s.Lines {
			r.Lines = append(r.Lines, of.Replace(line))
		}
		all = append(all, r)
	}
	return all
}

// Scripts reads scripts. They are our own, so that a mistake in them is a bug.
func Scripts(text string) (all []Script) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		body := strings.TrimLeft(line, " ")
		switch indent := len(line) - len(body); {
		case body == "" || body[0] == '#':
		case indent == 0:
			path, rest, _ := strings.Cut(body, "[")
			rule, name, ok := strings.Cut(rest, "] ")
			if !ok {
				panic("script: no [rule] in " + line)
			}
			rule, flags, _ := strings.Cut(rule, " ")
			all = append(all, Script{Path: strings.TrimSpace(path), Rule: rule, Flags: flags, Name: name})
		case indent == 2:
			all[len(all)-1].Lines = append(all[len(all)-1].Lines, body)
		default:
			lines := all[len(all)-1].Lines
			lines[len(lines)-1] += " " + body
		}
	}
	return all
}

// Actor runs the steps of scripts.
type Actor interface {
	Step(verb, args string)        // with the stream at hand
	With(stream string, do func()) // with another
	Number(name string) (int64, bool)
}

// Play runs a line of a script.
func Play(a Actor, line string) {
	word, rest, _ := strings.Cut(line, " ")
	before, template, isPrefixed := cut(rest, ": ")
	switch {
	case isPrefixed && word == "for":
		for _, value := range Words(before) {
			value = strings.TrimSuffix(strings.TrimPrefix(value, "("), ")")
			With(fmt.Sprintf("%.80s", value), func() { Play(a, strings.ReplaceAll(template, "$", value)) })
		}
	case isPrefixed && word == "times":
		n := int64(math.MaxInt64)
		for most := range strings.SplitSeq(before, " or ") {
			n = min(n, Int64(most, a.Number))
		}
		for i := range n {
			Play(a, strings.ReplaceAll(template, "$", fmt.Sprint(i+1)))
		}
	case strings.HasSuffix(word, ":"):
		a.With(strings.TrimSuffix(word, ":"), func() { Play(a, rest) })
	default:
		for more := true; more; {
			var step string
			step, line, more = cut(line, " | ")
			verb, args, _ := strings.Cut(strings.TrimSpace(step), " ")
			a.Step(verb, strings.TrimSpace(args))
		}
	}
}

// Words are the words of a text, cut at blanks outside quotes and brackets.
func Words(text string) (words []string) {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		word, rest, _ := cut(text, " ")
		words, text = append(words, word), rest
	}
	return words
}

// cut is strings.Cut for a separator outside quotes and brackets.
func cut(text, sep string) (before, after string, found bool) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case depth == 0 && strings.HasPrefix(text[i:], sep):
			return text[:i], text[i+len(sep):], true
		case strings.IndexByte("({[", c) >= 0:
			depth++
		case strings.IndexByte(")}]", c) >= 0:
			depth--
		}
	}
	return text, "", false
}
