package bridge

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gwport/gwport/bridge/internal/devpage"
)

// errorPages makes the pages that browsers are sent in development where an app has failed.
type errorPages struct {
	program string
	why     string // how they were turned on
	lines   *lastLines
}

func newErrorPages(program string) *errorPages {
	return &errorPages{program: program, lines: new(lastLines)}
}

// turnedOn notes how they were, which is a part of a sentence.
func (p *errorPages) turnedOn(how string) {
	p.why = "This page is there for development: " + how +
		" In production, which is without that, a client is told the status, and the rest is in the log."
}

// page is a pager.
func (p *errorPages) page(f failure) (page string, fields []Header, ok bool) {
	if f.req == nil || !wantsHTML(f.req.Header["Accept"]) {
		return "", nil, false
	}
	// What is shown here are values of the app's, with methods; and this is called behind a panic,
	// where one more would end the program.
	defer func() {
		if v := recover(); v != nil {
			slog.ErrorContext(f.req.Context(), "bridge: no error page, because making it has panicked", "panic", fmt.Sprint(v))
			page, fields, ok = "", nil, false
		}
	}()
	env := EnvironOf(f.req)
	d := devpage.Page{
		Status: f.status, Program: p.program, Why: p.why, Version: programVersion(),
		Panicked: f.panicked, Value: f.value, Stack: f.stack, Text: strings.TrimRight(f.text, "\n"),
		Method: f.req.Method, URL: env.String("REQUEST_URI"), Proto: f.req.Proto, From: f.req.RemoteAddr,
		Fields: fieldsOf(f.req), Environ: env.pairs(), Lines: p.lines.all(),
	}
	if f.panicked && f.value == nil {
		d.Value = errGoexit
	}
	return string(d.HTML()), pageFields(), true
}

// pageFields are those of the pages of development.
func pageFields() []Header {
	return []Header{
		{"Content-Type", "text/html; charset=utf-8"},
		{"Cache-Control", "no-store"},
		{"Content-Security-Policy", devpage.Policy()},
		{"Referrer-Policy", "no-referrer"},
		{"X-Content-Type-Options", "nosniff"},
	}
}

// fieldsOf are a request's, in the order of their names.
func fieldsOf(r *http.Request) []devpage.Pair {
	pairs := []devpage.Pair{{Name: "Host", Value: r.Host}}
	for name, values := range r.Header {
		for _, v := range values {
			pairs = append(pairs, devpage.Pair{Name: name, Value: v})
		}
	}
	return sorted(pairs)
}

// pairs is the environ as text. What is no text is there as its type.
func (e Environ) pairs() []devpage.Pair {
	pairs := make([]devpage.Pair, 0, len(e))
	for name, v := range e {
		text := fmt.Sprint(v)
		switch v.(type) {
		case io.Reader, io.Writer:
			text = fmt.Sprintf("%T", v)
		}
		pairs = append(pairs, devpage.Pair{Name: name, Value: text})
	}
	return sorted(pairs)
}

func sorted(pairs []devpage.Pair) []devpage.Pair {
	slices.SortStableFunc(pairs, func(a, b devpage.Pair) int { return strings.Compare(a.Name, b.Name) })
	return pairs
}

// asksForProgram tells a request of such a page, for which program runs.
func asksForProgram(header http.Header) bool { return len(header[devpage.Field]) > 0 }

// answerProgram answers it in the app's place.
func answerProgram(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set(devpage.Field, programVersion())
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

// programVersion tells a program that was built anew from the one before. All processes that were
// started from one file have the same.
var programVersion = sync.OnceValue(func() string {
	info, err := devpage.Executable()
	if err != nil {
		return "unknown"
	}
	return strconv.FormatInt(info.ModTime().UnixNano(), 36) + "-" + strconv.FormatInt(info.Size(), 36)
})
