// Package cases is what is compared: requests, what the handler is to do with each, and what the client does meanwhile;
// and the lists of those whose outcome differs from net/http's. Each theme has a file of its own, with a table of its
// cases and the rows of its differences.
package cases

import (
	"fmt"
	"slices"

	"github.com/gwport/gwport/test/compare/script"
)

// The transports. A case is sent over all unless it says otherwise.
const (
	H1    = "h1"
	H2C   = "h2c"
	TLSH1 = "tls-h1"
	TLSH2 = "tls-h2"
)

// The sets of transports that cases and rows name.
var (
	All    = []string{H1, H2C, TLSH1, TLSH2}
	OnlyH1 = []string{H1, TLSH1}
	OnlyH2 = []string{H2C, TLSH2}
	Clear  = []string{H1}
)

// The mounts that are compared with net/http.
const (
	Route  = "route"
	Stream = "stream"
	AppOf  = "appof"
	Call   = "call"
)

// The sets of mounts that rows name.
var (
	Mounts = []string{Route, Stream}
	Every  = []string{Route, Stream, AppOf}
)

// A Field is a header field, its name as it is sent (on HTTP/2 the client of a case that wants capitals sends them).
type Field struct{ Name, Value string }

// A Case is one request and what happens around it. The zero value of each field is the usual.
type Case struct {
	Name string
	// Do is what the handler does.
	Do []script.Op

	Method string // GET
	Target string // "/"
	Host   string // example.test; "-" sends none
	Proto  string // HTTP/1.1
	Fields []Field
	Body   Body

	// Raw is the head as it is sent on HTTP/1.x in the place of all of the above, but for the Body's bytes. {case}
	// stands for the lines that tell the handler which case it serves.
	Raw string
	// Pseudo are the pseudo-fields as they are sent on HTTP/2 in the place of the usual.
	Pseudo []Field

	// Client is what the client does: nil stands for Whole.
	Client []script.Op
	// On are the transports; nil stands for All.
	On []string
	// Heavy cases run one at a time: they move much or take long.
	Heavy bool
}

// Whole is the usual client: it sends all, reads all, and asks for one thing more on the same connection.
var Whole = []script.Op{send, finish, next}

// A Body is a request's body: Text, or Size bytes of a pattern.
type Body struct {
	Text string
	Size int
	// Chunked is a body that does not say how long it is; chunks are of Piece bytes (16,384).
	Chunked bool
	Piece   int
	// Declared is a content-length that is not the body's own; "-" sends none.
	Declared string
	Trailers []Field
}

// Bytes are the body.
func (b Body) Bytes() []byte {
	if b.Size == 0 {
		return []byte(b.Text)
	}
	all := make([]byte, b.Size)
	for i := range all {
		all[i] = byte(i % 251)
	}
	return all
}

// IsNone tells whether the request has no body at all.
func (b Body) IsNone() bool {
	return b.Text == "" && b.Size == 0 && !b.Chunked && b.Declared == "" && len(b.Trailers) == 0
}

// Has tells whether the case is sent over the transport.
func (c *Case) Has(transport string) bool {
	return c.On == nil || slices.Contains(c.On, transport)
}

// A Row is a difference from net/http that is accounted for.
type Row struct {
	Case   string
	On     []string // transports; nil: all that the case has
	Mounts []string
	// Differs is what gwport's clients or handlers see, by the name of what differs. "-" stands for nothing.
	Differs map[string]string
	// Why is the reason, a whole sentence; Needs, for what is to come, the capability that will bring it.
	Why, Needs string
	// Clause names what an RFC demands and net/http does not do, where it is not Cowboy that makes the difference.
	Clause string
	// Words are what Document, README.md, SPEC.md or a page of erlang/doc, tells the user of a difference that gwport has chosen.
	Document, Words string
	// NetHTTP is what net/http does, of a row that no control shows.
	NetHTTP map[string]string
}

type facts = map[string]string

// because gives rows their common reason.
func because(why string, rows ...Row) []Row {
	for i := range rows {
		rows[i].Why = why
	}
	return rows
}

// The documents that tell of what gwport has chosen.
const (
	readme = "README.md"
	spec   = "SPEC.md"
	limits = "erlang/doc/limits.md"
)

// chosen gives rows their common reason, and the words of a document that tell the user.
func chosen(why, document, words string, rows ...Row) []Row {
	for i := range rows {
		rows[i].Why, rows[i].Document, rows[i].Words = why, document, words
	}
	return rows
}

// A Theme is a table of cases and the rows that belong to them.
type Theme struct {
	Name  string
	Cases []Case
	// Forced are differences that Cowboy or a clause of an RFC makes.
	Forced []Row
	// Chosen are gwport's own.
	Chosen []Row
	// NotYet are differences that a capability to come will take away.
	NotYet []Row
}

var themes []Theme

// theme is called by each file. Names are the theme's own.
func theme(t Theme) bool {
	names := make(map[string]bool)
	for _, c := range t.Cases {
		if c.Name == "" || names[c.Name] {
			panic(fmt.Sprintf("cases: %s: no name, or one that is taken: %q", t.Name, c.Name))
		}
		names[c.Name] = true
	}
	themes = append(themes, t)
	return true
}

// Themes are all, by name.
func Themes() []Theme {
	return slices.SortedFunc(slices.Values(themes), func(a, b Theme) int {
		switch {
		case a.Name < b.Name:
			return -1
		case a.Name > b.Name:
			return 1
		}
		return 0
	})
}
