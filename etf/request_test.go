package etf_test

import (
	"errors"

	"github.com/gwport/gwport/etf"
)

var headers = [][2]string{
	{"host", "example.org:8080"},
	{"user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
	{"accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
	{"accept-language", "en-US,en;q=0.5"},
	{"accept-encoding", "gzip, deflate, br"},
	{"cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"},
	{"referer", "https://example.org/things"},
	{"cache-control", "no-cache"},
}

// requestTerm is about what the bridge is sent for each request: a map with
// binary keys, and a list of header pairs.
func requestTerm() string {
	b := etf.AppendMap(etf.AppendVersion(nil), 10)
	for _, kv := range [][2]string{
		{"method", "GET"},
		{"path", "/things/42"},
		{"qs", "full=1&sort=name"},
		{"version", "HTTP/1.1"},
		{"scheme", "https"},
		{"host", "example.org"},
	} {
		b = etf.AppendBinary(etf.AppendBinary(b, kv[0]), kv[1])
	}
	b = etf.AppendInt(etf.AppendBinary(b, "port"), 8080)
	b = etf.AppendInt(etf.AppendBinary(b, "deadline"), 1<<40)
	b = etf.AppendTuple(etf.AppendBinary(b, "peer"), 2)
	b = etf.AppendInt(etf.AppendBinary(b, "192.0.2.17"), 50123)
	b = etf.AppendList(etf.AppendBinary(b, "headers"), len(headers))
	for _, h := range headers {
		b = etf.AppendBinary(etf.AppendBinary(etf.AppendTuple(b, 2), h[0]), h[1])
	}
	return string(etf.AppendNil(b))
}

// request is what a caller of Reader makes of it.
type request struct {
	method, path, qs, version, scheme, host, peer string

	port, deadline, peerPort int64

	headers [][2]string // into space the caller has
}

func readRequest(data string, req *request) error {
	r, err := etf.NewReader(data)
	if err != nil {
		return err
	}
	n, err := r.Map()
	if err != nil {
		return err
	}
	for range n {
		key, err := r.Binary()
		if err != nil {
			return err
		}
		if err := req.field(&r, key); err != nil {
			return err
		}
	}
	return r.End()
}

func (req *request) field(r *etf.Reader, key string) (err error) {
	switch key {
	case "method":
		req.method, err = r.Binary()
	case "path":
		req.path, err = r.Binary()
	case "qs":
		req.qs, err = r.Binary()
	case "version":
		req.version, err = r.Binary()
	case "scheme":
		req.scheme, err = r.Binary()
	case "host":
		req.host, err = r.Binary()
	case "port":
		req.port, err = r.Int()
	case "deadline":
		req.deadline, err = r.Int()
	case "peer":
		if err = wantPair(r); err == nil {
			var e1, e2 error
			req.peer, e1 = r.Binary()
			req.peerPort, e2 = r.Int()
			err = errors.Join(e1, e2)
		}
	case "headers":
		err = req.readHeaders(r)
	default:
		err = r.Skip()
	}
	return err
}

func (req *request) readHeaders(r *etf.Reader) error {
	n, err := r.List()
	if err != nil {
		return err
	}
	for range n {
		if err := wantPair(r); err != nil {
			return err
		}
		name, err := r.Binary()
		if err != nil {
			return err
		}
		value, err := r.Binary()
		if err != nil {
			return err
		}
		req.headers = append(req.headers, [2]string{name, value})
	}
	return r.EndList()
}

func wantPair(r *etf.Reader) error {
	n, err := r.Tuple()
	if err == nil && n != 2 {
		err = errors.New("no pair")
	}
	return err
}
