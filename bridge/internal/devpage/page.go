// Package devpage makes the pages that a browser is shown in development: of an app that has failed, and of the
// apps that there are where none is at a path. It knows nothing of the wire, and of HTTP no more than fields.
//
// The pages are written without html/template: the packages that it brings make every program that is linked with
// them a quarter larger (10.7 MB became 13.7), and these pages are none of production's. What is no constant of this package is escaped,
// which the types see to (markup.go).
package devpage

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// A Page is what is known of a failure.
type Page struct {
	Status  int
	Program string // the program's name
	Why     string // how the page was turned on, and that production does not have it: whole sentences
	Version string // tells the program that runs from one that takes its place; see Field

	Panicked bool      // else the app has answered
	Value    any       // what it has panicked with
	Stack    []uintptr // where, from runtime.Callers
	Text     string    // what it has answered

	Method, URL, Proto, From string
	Fields, Environ          []Pair // in their order; of secrets the values are withheld here
	Lines                    []Line // the last ones of the program's log, the oldest first
}

// A Pair is a name with its value.
type Pair struct{ Name, Value string }

// A Line is one of a log.
type Line struct {
	Time  time.Time
	Level string // "error", "warning", "info" or "debug"
	Text  string
}

// Field is the field by which a page asks, at its own URL, which program runs, and of the answer.
const Field = "Gwport-Program"

// HTML is the page, as bytes of UTF-8.
func (p *Page) HTML() []byte {
	var m markup
	title := strconv.Itoa(p.Status) + " " + http.StatusText(p.Status)
	m.begin(title+" - "+p.Program, p.Version, p.Method)
	m.raw("<header>\n<p class=\"status\">").text(title).raw("</p>\n<h1>").text(p.heading()).raw("</h1>\n<p>")
	m.text(p.said()).raw("</p>\n</header>\n<main>\n")
	p.failure(&m)
	p.log(&m)
	m.section("Request")
	p.request(&m)
	m.raw("</section>\n<section>\n<details><summary>Environ</summary>\n")
	m.pairs(p.Environ)
	m.raw("</details>\n</section>\n</main>\n<footer>\n<p>").text(p.Why).raw("</p>\n")
	m.raw("<p id=\"live\" aria-live=\"polite\">Without its script this page does not notice that the program has changed.</p>\n</footer>\n")
	m.end(true)
	return m.b
}

func (p *Page) heading() string {
	switch {
	case p.Panicked:
		return cut(printed(p.Value), 4<<10)
	case p.Text == "":
		return "An answer without a body"
	}
	return cut(p.Text, 4<<10)
}

// said tells in a sentence what has happened.
func (p *Page) said() string {
	switch {
	case p.Panicked:
		return fmt.Sprintf("The app panicked with a value of type %T, at %s %s, before it had answered.", p.Value, p.Method, cut(hideQuery(p.URL), 1<<10))
	case p.Text == "":
		return fmt.Sprintf("The app answered %s %s with this status and nothing else.", p.Method, cut(hideQuery(p.URL), 1<<10))
	}
	return fmt.Sprintf("The app answered %s %s with this status and the text above.", p.Method, cut(hideQuery(p.URL), 1<<10))
}

// failure is where the app has panicked, and how it got there.
func (p *Page) failure(m *markup) {
	if !p.Panicked {
		return
	}
	m.section("Stack")
	s := readStack(p.Stack)
	for i, g := range s.groups() {
		g.show(m, i, s.shown)
	}
	if s.isCut {
		m.raw("<p>More frames than can be shown here called these.</p>\n")
	}
	m.raw("</section>\n")
}

func (p *Page) request(m *markup) {
	m.pairs([]Pair{{"method", p.Method}, {"URL", hideQuery(p.URL)}, {"protocol", p.Proto}, {"client", p.From}})
	m.raw("<h3>Fields</h3>\n")
	m.pairs(p.Fields)
}

func (p *Page) log(m *markup) {
	m.section("The program's last log lines")
	if len(p.Lines) == 0 {
		m.raw("<p>It has logged nothing yet by <code>log/slog</code>'s default logger or by package <code>log</code>.</p>\n</section>\n")
		return
	}
	m.raw("<ol class=\"lines\">\n")
	for _, l := range p.Lines {
		m.raw("<li class=\"").level(l.Level).raw("\"><span>").text(l.Time.Format("15:04:05.000")).raw("</span><span class=\"level\">")
		m.level(l.Level).raw("</span>").text(cut(l.Text, 2<<10)).raw("</li>\n")
	}
	m.raw("</ol>\n</section>\n")
}

// printed is what is thrown as text. Package fmt looks after methods that panic.
func printed(v any) string { return fmt.Sprintf("%v", v) }

// Apps is the page of a path where no app is: those that there are, as links.
func Apps(path string, apps []Pair, why string) []byte {
	var m markup
	m.begin("404 Not Found", "", "")
	m.raw("<header>\n<p class=\"status\">404 Not Found</p>\n<h1>No app at ").text(cut(path, 1<<10)).raw("</h1>\n</header>\n<main>\n<table>\n")
	for _, a := range apps {
		m.raw("<tr><th><a href=\"").path(a.Value).raw("\">").text(a.Value).raw("</a></th><td>").text(a.Name).raw("</td></tr>\n")
	}
	m.raw("</table>\n</main>\n<footer>\n<p>").text(why).raw("</p>\n</footer>\n")
	m.end(false)
	return m.b
}
