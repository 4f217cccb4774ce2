package peer

import "github.com/gwport/gwport/etf"

// Request is what a host asks for. The zero value is a GET of nothing with no
// body, and no credit for the response.
type Request struct {
	Method   string // GET if empty
	Path     string
	Window   int  // first credit of the response
	Upload   bool // there is a body of unknown length
	Length   int  // there is one of this length
	Continue bool
	App      string
	Headers  etf.List
	Extra    etf.Map // keys besides, or instead of others
	Type     int
	Lacks    string // a key that is left out
}

// Term is the request's map.
func (r Request) Term() etf.Map {
	m := etf.Map{
		{Key: "method", Value: r.Verb()},
		{Key: "path", Value: r.Path},
		{Key: "query", Value: ""},
		{Key: "version", Value: etf.Tuple{1, 1}},
		{Key: "scheme", Value: "http"},
		{Key: "host", Value: "localhost"},
		{Key: "port", Value: 80},
		{Key: "peer", Value: etf.Tuple{"127.0.0.1", 50000}},
		{Key: "local", Value: etf.Tuple{"127.0.0.1", 80}},
		{Key: "headers", Value: append(etf.List{etf.Tuple{"host", "localhost"}}, r.Headers...)},
		{Key: "path_info", Value: 0},
		{Key: "app", Value: r.App},
	}
	if !r.Upload {
		m = append(m, etf.Pair{Key: "length", Value: r.Length})
	}
	if r.Continue {
		m = append(m, etf.Pair{Key: "continue", Value: true})
	}
	if m = Set(m, r.Extra); r.Lacks != "" {
		m = Without(m, r.Lacks)
	}
	return m
}

// Verb is the method.
func (r Request) Verb() string {
	if r.Method == "" {
		return "GET"
	}
	return r.Method
}

// Payload is the open's.
func (r Request) Payload() []byte { return Payload(etf.Tuple{r.Type, r.Window, r.Term()}) }
