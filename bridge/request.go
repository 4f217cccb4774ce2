package bridge

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// request is a request as the host forwarded it.
type request struct{ wire.Request }

// proto is the version as net/http writes it.
func (q *request) proto() string {
	switch {
	case q.Major == 1 && q.Minor == 1:
		return "HTTP/1.1"
	case q.Major == 1 && q.Minor == 0:
		return "HTTP/1.0"
	case q.Major == 2 && q.Minor == 0:
		return "HTTP/2.0"
	}
	return "HTTP/" + strconv.Itoa(q.Major) + "." + strconv.Itoa(q.Minor)
}

// uri is the request target as the client wrote it.
func (q *request) uri() string {
	if q.Query == "" {
		return q.Path
	}
	return q.Path + "?" + q.Query
}

// plainPathByte has the bytes of a path that mean themselves, so that there is
// nothing to decode, and nothing that RawPath would have to keep.
var plainPathByte = func() (t [256]bool) {
	for _, c := range []byte("$&+,/:;=@-._~0123456789" +
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()

// url is url.ParseRequestURI of the target, with most paths spared the parsing.
// It is made in the place that it is given.
func (q *request) url(u *url.URL) error {
	if !strings.HasPrefix(q.Path, "/") || !isPlainPath(q.Path) || hasControl(q.Query) {
		parsed, err := url.ParseRequestURI(q.uri())
		if err == nil {
			*u = *parsed
		}
		return err
	}
	u.Path, u.RawQuery = q.Path, q.Query
	return nil
}

func isPlainPath(s string) bool {
	for i := range len(s) {
		if !plainPathByte[s[i]] {
			return false
		}
	}
	return true
}

func hasControl(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return true
		}
	}
	return false
}

// tls is what is known of the client's TLS connection; nil without one, whatever
// the scheme, which a client of HTTP/2 without TLS can choose. The certificate was
// checked by the host, whose listener asked for it.
func (q *request) tls() (*tls.ConnectionState, error) {
	if !q.Secure {
		return nil, nil
	}
	state := &tls.ConnectionState{HandshakeComplete: true}
	if net.ParseIP(strings.Trim(q.Host, "[]")) == nil {
		state.ServerName = q.Host
	}
	if q.Major == 2 {
		state.NegotiatedProtocol = "h2"
	}
	if q.Cert == "" {
		return state, nil
	}
	cert, err := x509.ParseCertificate([]byte(q.Cert))
	if err != nil {
		return nil, &AbortError{Code: CodeBadPayload, Text: "cert: " + err.Error()}
	}
	state.PeerCertificates = []*x509.Certificate{cert}
	return state, nil
}

// setHeader fills in the header, and what net/http takes out of it.
func (q *request) setHeader(r *http.Request) error {
	r.Header = makeHeader(q.Headers)
	r.Host = r.Header.Get("Host")
	if r.Host == "" {
		r.Host = q.authority()
	}
	delete(r.Header, "Host")
	if q.Major == 1 {
		return q.fixHTTP1(r)
	}
	q.fixHTTP2(r)
	return nil
}

// What net/http's server answers itself, with 417 and with 400.
var (
	errExpectation = errors.New("bridge: an expectation that is not 100-continue")
	errTrailerKey  = errors.New("bridge: a field announced as trailing that may not be")
)

// fixHTTP1 is for what HTTP/1 says in headers and net/http in fields.
func (q *request) fixHTTP1(r *http.Request) error {
	if q.Length < 0 && q.Minor > 0 {
		r.TransferEncoding = []string{"chunked"}
		if !q.announceTrailer(r) {
			return errTrailerKey
		}
	}
	if expect := r.Header.Get("Expect"); expect != "" && !hasToken(expect, " \t,", "100-continue") {
		return errExpectation
	}
	delete(r.Header, "Transfer-Encoding")
	r.Close = closes(q.Minor, r.Header["Connection"])
	if p := r.Header["Pragma"]; len(p) > 0 && p[0] == "no-cache" && r.Header["Cache-Control"] == nil {
		r.Header["Cache-Control"] = p[:1:1]
	}
	return nil
}

func (q *request) fixHTTP2(r *http.Request) {
	if cookies := r.Header["Cookie"]; len(cookies) > 1 {
		r.Header.Set("Cookie", strings.Join(cookies, "; "))
	}
	for _, v := range r.Header["Expect"] {
		if hasToken(v, ",", "100-continue") {
			delete(r.Header, "Expect")
			break
		}
	}
	q.announceTrailer(r)
}

// asUpgrade makes of an extended CONNECT the request of HTTP/1.1 that asks for the same. Only the
// key of WebSocket is missing in it; nobody looks at what a server makes of that on HTTP/2.
func (q *request) asUpgrade(r *http.Request) {
	r.Method, r.ContentLength = http.MethodGet, 0
	r.Header["Connection"] = []string{"Upgrade"}
	r.Header["Upgrade"] = []string{q.Protocol}
	if strings.EqualFold(q.Protocol, "websocket") && r.Header["Sec-Websocket-Key"] == nil {
		var key [16]byte
		_, _ = rand.Read(key[:]) // it never fails
		r.Header["Sec-Websocket-Key"] = []string{base64.StdEncoding.EncodeToString(key[:])}
	}
}

// hasToken tells whether the token is among those that the separators divide.
func hasToken(v, separators, token string) bool {
	for t := range strings.FieldsFuncSeq(v, func(c rune) bool { return strings.ContainsRune(separators, c) }) {
		if strings.EqualFold(strings.Trim(t, " \t"), token) {
			return true
		}
	}
	return false
}

// closes tells whether the client wants its connection closed.
func closes(minor int, connection []string) bool {
	keep := minor > 0
	for _, v := range connection {
		for token := range strings.SplitSeq(v, ",") {
			switch strings.ToLower(strings.TrimSpace(token)) {
			case "close":
				return true
			case "keep-alive":
				keep = true
			}
		}
	}
	return !keep
}

// announceTrailer makes the keys of Request.Trailer from the Trailer header. It is
// not ok if one of them is of a field that may not trail.
func (q *request) announceTrailer(r *http.Request) (ok bool) {
	ok = true
	for _, v := range r.Header["Trailer"] {
		for name := range strings.SplitSeq(v, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			switch name {
			case "Transfer-Encoding", "Trailer", "Content-Length":
				ok = false
				continue
			case "":
				continue
			}
			if r.Trailer == nil {
				r.Trailer = make(http.Header)
			}
			r.Trailer[name] = nil
		}
	}
	delete(r.Header, "Trailer")
	return ok
}

// mergeTrailer adds the trailing fields that have come: on HTTP/2 those that were
// announced.
func (q *request) mergeTrailer(r *http.Request, fields []wire.Pair) {
	come := make(http.Header)
	for _, f := range fields {
		come.Add(f.Name, f.Value)
	}
	if q.Major == 1 && r.Trailer == nil {
		r.Trailer = make(http.Header)
	}
	for name, values := range come {
		if _, announced := r.Trailer[name]; announced || q.Major == 1 {
			r.Trailer[name] = values
		}
	}
}

// makeHeader makes a map of the pairs. The values of single fields share one
// slice, as net/textproto has it, with no room to grow into each other.
func makeHeader(pairs []wire.Pair) http.Header {
	h := make(http.Header, len(pairs))
	values := make([]string, 0, len(pairs))
	for _, p := range pairs {
		name := seenNames.canonical(p.Name)
		if old, ok := h[name]; ok {
			h[name] = append(old, p.Value)
			continue
		}
		values = append(values, p.Value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	return h
}

// authority is host and port as a Host header would have them.
func (q *request) authority() string {
	if q.Port == 0 || q.Scheme == "http" && q.Port == 80 || q.Scheme == "https" && q.Port == 443 {
		return q.Host
	}
	return q.Host + ":" + strconv.Itoa(q.Port)
}
