package bridge

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gwport/gwport/etf"
)

// open is the payload of the frame of that name: what opens a stream.
type open struct {
	kind    int64 // 0: HTTP
	window  int   // first credit of the response half
	request request
}

// openHTTP is the only type of stream there is; 1 is reserved for calls.
const openHTTP = 0

// request is a request as the host forwarded it (SPEC.md, section 6). Its
// strings are parts of the payload, which was copied once.
type request struct {
	method       string
	path, query  string
	major, minor int
	scheme       string
	host         string
	port         int
	peer, local  address
	headers      []pair
	pathInfo     int
	length       int64 // -1: unknown
	app          string
	timeout      time.Duration // 0: none is set
	cert         string        // DER; empty: none
	timed        bool          // timeout is set, be it to 0
	expects      bool          // the client waits for 100 Continue
	secure       bool          // the client's connection is encrypted
}

type pair struct{ name, value string }

type address struct {
	host string
	port int
}

// The keys of Request that must be there, as bits.
const (
	hasMethod = 1 << iota
	hasPath
	hasQuery
	hasVersion
	hasScheme
	hasHost
	hasPort
	hasPeer
	hasLocal
	hasHeaders
	hasPathInfo

	hasAll = hasPathInfo<<1 - 1
)

var errRequestKeys = errors.New("bridge: request lacks a key")

// decodeOpen reads {Type, Window, Request}. A type other than HTTP ends the
// reading: its Request is not known to us.
func decodeOpen(payload string) (open, error) {
	var o open
	r, err := etf.NewReader(payload)
	if err != nil {
		return o, err
	}
	if err := readTuple(&r, 3); err != nil {
		return o, err
	}
	if o.kind, err = readCount(&r, math.MaxInt32); err != nil || o.kind != openHTTP {
		return o, err
	}
	window, err := readCount(&r, maxWindow)
	if err != nil {
		return o, fmt.Errorf("bridge: window: %w", err)
	}
	o.window = int(window)
	if err := o.request.decode(&r); err != nil {
		return o, err
	}
	return o, r.End()
}

// decodeRequest reads a Request that stands alone, as in test vectors.
func decodeRequest(payload string) (request, error) {
	var req request
	r, err := etf.NewReader(payload)
	if err != nil {
		return req, err
	}
	if err := req.decode(&r); err != nil {
		return req, err
	}
	return req, r.End()
}

func (q *request) decode(r *etf.Reader) error {
	q.length = -1
	m, err := readMap(r)
	if err != nil {
		return err
	}
	seen := 0
	for m.left > 0 {
		key, err := m.key(r)
		if err != nil {
			return err
		}
		bit, err := q.read(r, key)
		if err != nil {
			return fmt.Errorf("bridge: %s: %w", key, err)
		}
		seen |= bit
	}
	if seen != hasAll {
		return errRequestKeys
	}
	return nil
}

// read reads the value of one key and returns its bit, 0 for an optional one.
func (q *request) read(r *etf.Reader, key string) (bit int, err error) {
	switch key {
	case "method":
		q.method, err = readToken(r)
		return hasMethod, err
	case "path":
		q.path, err = r.Binary()
		return hasPath, err
	case "query":
		q.query, err = r.Binary()
		return hasQuery, err
	case "version":
		return hasVersion, q.readVersion(r)
	case "scheme":
		q.scheme, err = r.Binary()
		return hasScheme, err
	case "host":
		q.host, err = r.Binary()
		return hasHost, err
	case "port":
		return hasPort, readPort(r, &q.port)
	case "peer":
		return hasPeer, q.peer.read(r)
	case "local":
		return hasLocal, q.local.read(r)
	case "headers":
		q.headers, err = readPairs(r)
		return hasHeaders, err
	case "path_info":
		return hasPathInfo, readSize(r, &q.pathInfo)
	}
	return 0, q.readOptional(r, key)
}

func (q *request) readOptional(r *etf.Reader, key string) (err error) {
	switch key {
	case "length":
		q.length, err = readCount(r, math.MaxInt64)
	case "tls":
		q.secure, err = true, readTrue(r)
	case "continue":
		q.expects, err = true, readTrue(r)
	case "app":
		q.app, err = r.Binary()
	case "timeout":
		var ms int64
		ms, err = readCount(r, math.MaxInt64/int64(time.Millisecond))
		q.timeout, q.timed = time.Duration(ms)*time.Millisecond, true
	case "cert":
		q.cert, err = r.Binary()
	default:
		err = skipValue(r, 2)
	}
	return err
}

func (q *request) readVersion(r *etf.Reader) error {
	if err := readTuple(r, 2); err != nil {
		return err
	}
	major, err := readCount(r, 9)
	if err != nil {
		return err
	}
	minor, err := readCount(r, 9)
	q.major, q.minor = int(major), int(minor)
	return err
}

func (a *address) read(r *etf.Reader) (err error) {
	if err = readTuple(r, 2); err != nil {
		return err
	}
	if a.host, err = r.Binary(); err != nil {
		return err
	}
	return readPort(r, &a.port)
}

func readPort(r *etf.Reader, port *int) error {
	n, err := readCount(r, math.MaxUint16)
	*port = int(n)
	return err
}

var (
	errToken = errors.New("not a token")
	errValue = errors.New("CR, LF or NUL in a name or a value")
)

func readToken(r *etf.Reader) (string, error) {
	s, err := r.Binary()
	if err == nil && !isToken(s) {
		err = errToken
	}
	return s, err
}

// readPairs reads a list of {Name, Value}. The count is believed as far as the
// bytes are there: a pair takes at least 12 of them, a pair here 32.
func readPairs(r *etf.Reader) ([]pair, error) {
	n, err := r.List()
	if err != nil {
		return nil, err
	}
	pairs := make([]pair, 0, min(n, 64))
	for range n {
		var p pair
		if err := p.read(r); err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	return pairs, r.EndList()
}

func (p *pair) read(r *etf.Reader) (err error) {
	if err = readTuple(r, 2); err != nil {
		return err
	}
	if p.name, err = r.Binary(); err != nil {
		return err
	}
	if p.value, err = r.Binary(); err != nil {
		return err
	}
	if p.name == "" || hasLineBreak(p.name) || hasLineBreak(p.value) {
		return errValue
	}
	return nil
}

// decodePairs reads a payload that is a list of pairs: trailers.
func decodePairs(payload string) ([]pair, error) {
	r, err := etf.NewReader(payload)
	if err != nil {
		return nil, err
	}
	pairs, err := readPairs(&r)
	if err != nil {
		return nil, err
	}
	return pairs, r.End()
}
