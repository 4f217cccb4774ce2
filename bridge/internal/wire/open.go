package wire

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gwport/gwport/etf"
)

// Open is the payload of the frame of that name: what opens a stream.
type Open struct {
	Type    int64 // 0: HTTP
	Window  int   // first credit of the response half
	Request Request
}

// TypeHTTP is the only type of stream there is; 1 is reserved for calls.
const TypeHTTP = 0

// A Request is a request as the host forwarded it (SPEC.md, section 6). Its
// strings are parts of the payload, which was copied once.
type Request struct {
	Method       string
	Path, Query  string
	Major, Minor int
	Scheme       string
	Host         string
	Port         int
	Peer, Local  Address
	Headers      []Pair
	PathInfo     int
	Length       int64 // -1: unknown
	App          string
	Timeout      time.Duration // 0: none is set
	Cert         string        // DER; empty: none
	Timed        bool          // Timeout is set, be it to 0
	Expects      bool          // the client waits for 100 Continue
	Secure       bool          // the client's connection is encrypted
	Proxied      bool          // Scheme is the word of a proxy that the host trusts
	Files        bool          // files may be part of the response
	Upgrade      bool          // the client's connection can be taken over
	Protocol     string        // of an extended CONNECT; empty: it is none
}

// A Pair is one header field.
type Pair struct{ Name, Value string }

// An Address is one end of a connection, as text; empty for a Unix socket.
type Address struct {
	Host string
	Port int
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

// DecodeOpen reads {Type, Window, Request}. A type other than HTTP ends the
// reading: its Request is not known to us.
func DecodeOpen(payload string) (Open, error) {
	var o Open
	r, err := etf.NewReader(payload)
	if err != nil {
		return o, err
	}
	if err := readTuple(&r, 3); err != nil {
		return o, err
	}
	if o.Type, err = readCount(&r, math.MaxInt32); err != nil || o.Type != TypeHTTP {
		return o, err
	}
	window, err := readCount(&r, MaxWindow)
	if err != nil {
		return o, fmt.Errorf("bridge: window: %w", err)
	}
	o.Window = int(window)
	if err := o.Request.decode(&r); err != nil {
		return o, err
	}
	return o, r.End()
}

// DecodeRequest reads a Request that stands alone, as in test vectors.
func DecodeRequest(payload string) (Request, error) {
	var req Request
	r, err := etf.NewReader(payload)
	if err != nil {
		return req, err
	}
	if err := req.decode(&r); err != nil {
		return req, err
	}
	return req, r.End()
}

func (q *Request) decode(r *etf.Reader) error {
	q.Length = -1
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
func (q *Request) read(r *etf.Reader, key string) (bit int, err error) {
	switch key {
	case "method":
		q.Method, err = readToken(r)
		return hasMethod, err
	case "path":
		q.Path, err = r.Binary()
		return hasPath, err
	case "query":
		q.Query, err = r.Binary()
		return hasQuery, err
	case "version":
		return hasVersion, q.readVersion(r)
	case "scheme":
		q.Scheme, err = r.Binary()
		return hasScheme, err
	case "host":
		q.Host, err = r.Binary()
		return hasHost, err
	case "port":
		return hasPort, readPort(r, &q.Port)
	case "peer":
		return hasPeer, q.Peer.read(r)
	case "local":
		return hasLocal, q.Local.read(r)
	case "headers":
		q.Headers, err = readPairs(r)
		return hasHeaders, err
	case "path_info":
		return hasPathInfo, readSize(r, &q.PathInfo)
	}
	return 0, q.readOptional(r, key)
}

func (q *Request) readOptional(r *etf.Reader, key string) (err error) {
	switch key {
	case "length":
		q.Length, err = readCount(r, math.MaxInt64)
	case "tls":
		q.Secure, err = true, readTrue(r)
	case "proxied":
		q.Proxied, err = true, readTrue(r)
	case "continue":
		q.Expects, err = true, readTrue(r)
	case "file":
		q.Files, err = true, readTrue(r)
	case "upgrade":
		q.Upgrade, err = true, readTrue(r)
	case "protocol":
		q.Protocol, err = readProtocol(r)
	case "app":
		q.App, err = r.Binary()
	case "timeout":
		var ms int64
		ms, err = readCount(r, math.MaxInt64/int64(time.Millisecond))
		q.Timeout, q.Timed = time.Duration(ms)*time.Millisecond, true
	case "cert":
		q.Cert, err = r.Binary()
	default:
		err = skipValue(r, 2)
	}
	return err
}

func (q *Request) readVersion(r *etf.Reader) error {
	if err := readTuple(r, 2); err != nil {
		return err
	}
	major, err := readCount(r, 9)
	if err != nil {
		return err
	}
	minor, err := readCount(r, 9)
	q.Major, q.Minor = int(major), int(minor)
	return err
}

func (a *Address) read(r *etf.Reader) (err error) {
	if err = readTuple(r, 2); err != nil {
		return err
	}
	if a.Host, err = r.Binary(); err != nil {
		return err
	}
	return readPort(r, &a.Port)
}

func readPort(r *etf.Reader, port *int) error {
	n, err := readCount(r, math.MaxUint16)
	*port = int(n)
	return err
}

var (
	errToken    = errors.New("not a token")
	errProtocol = errors.New("no name, or CR, LF or NUL in it")
	errValue    = errors.New("CR, LF or NUL in a name or a value")
)

func readToken(r *etf.Reader) (string, error) {
	s, err := r.Binary()
	if err == nil && !IsToken(s) {
		err = errToken
	}
	return s, err
}

func readProtocol(r *etf.Reader) (string, error) {
	s, err := r.Binary()
	if err == nil && (s == "" || hasLineBreak(s)) {
		err = errProtocol
	}
	return s, err
}

// readPairs reads a list of {Name, Value}. The count is believed as far as the
// bytes are there: a pair takes at least 12 of them, a pair here 32.
func readPairs(r *etf.Reader) ([]Pair, error) {
	n, err := r.List()
	if err != nil {
		return nil, err
	}
	pairs := make([]Pair, 0, min(n, 64))
	for range n {
		var p Pair
		if err := p.read(r); err != nil {
			return nil, err
		}
		pairs = append(pairs, p)
	}
	return pairs, r.EndList()
}

func (p *Pair) read(r *etf.Reader) (err error) {
	if err = readTuple(r, 2); err != nil {
		return err
	}
	if p.Name, err = r.Binary(); err != nil {
		return err
	}
	if p.Value, err = r.Binary(); err != nil {
		return err
	}
	if p.Name == "" || hasLineBreak(p.Name) || hasLineBreak(p.Value) {
		return errValue
	}
	return nil
}

// DecodePairs reads a payload that is a list of pairs: trailers.
func DecodePairs(payload string) ([]Pair, error) {
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
