package bridge_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

// requestOf returns the request that a handler is given.
func requestOf(t *testing.T, r bridgetest.Request) *http.Request {
	t.Helper()
	got := make(chan *http.Request, 1)
	h := newHost(t, func(_ http.ResponseWriter, r *http.Request) { got <- r })
	h.Do(r)
	return within(t, got)
}

func TestRequestIsComplete(t *testing.T) {
	r := requestOf(t, bridgetest.Request{
		Method: "PATCH", Path: "/a%2Fb//c?q=1&r", Host: "example.org", Port: 8080, Body: []byte("xyz"), NoHost: true,
		Headers: []bridge.Header{
			{Name: "host", Value: "Example.org:8080"},
			{Name: "content-length", Value: "3"},
			{Name: "x-a", Value: "1"},
			{Name: "x-b", Value: "2"},
			{Name: "x-a", Value: "3"},
		},
	})
	require.Equal(t, "PATCH", r.Method)
	require.Equal(t, "/a/b//c", r.URL.Path)
	require.Equal(t, "/a%2Fb//c", r.URL.RawPath)
	require.Equal(t, "q=1&r", r.URL.RawQuery)
	require.Equal(t, "/a%2Fb//c?q=1&r", r.RequestURI)
	require.Equal(t, "HTTP/1.1", r.Proto)
	require.True(t, r.ProtoAtLeast(1, 1))
	require.Equal(t, "Example.org:8080", r.Host)
	require.Equal(t, http.Header{"Content-Length": {"3"}, "X-A": {"1", "3"}, "X-B": {"2"}}, r.Header)
	require.Equal(t, "127.0.0.1:50000", r.RemoteAddr)
	require.EqualValues(t, 3, r.ContentLength)
	require.Nil(t, r.TransferEncoding)
	require.Nil(t, r.TLS)
	require.Empty(t, r.Pattern)
	require.False(t, r.Close)
	require.Equal(t, &net.TCPAddr{IP: net.ParseIP("127.0.0.1"), Port: 8080}, r.Context().Value(http.LocalAddrContextKey))
	require.ErrorIs(t, context.Cause(r.Context()), context.Canceled, "the handler has returned")
	_, has := r.Context().Deadline()
	require.False(t, has)
}

func TestHostIsMadeOfTheAuthorityWhereTheHeaderIsMissing(t *testing.T) {
	for want, r := range map[string]bridgetest.Request{
		"a.b":      {NoHost: true, Host: "a.b", Version: [2]int{1, 0}},
		"a.b:8080": {NoHost: true, Host: "a.b", Port: 8080},
		"a.b:80":   {NoHost: true, Host: "a.b", Port: 80, Scheme: "https"},
	} {
		require.Equal(t, want, requestOf(t, r).Host)
	}
}

func TestHTTP10AndHTTP2(t *testing.T) {
	r := requestOf(t, bridgetest.Request{Version: [2]int{1, 0}})
	require.Equal(t, "HTTP/1.0", r.Proto)
	require.True(t, r.Close)
	r = requestOf(t, bridgetest.Request{Version: [2]int{1, 0}, Headers: []bridge.Header{{Name: "connection", Value: "Keep-Alive"}}})
	require.False(t, r.Close)
	r = requestOf(t, bridgetest.Request{Headers: []bridge.Header{{Name: "connection", Value: "x, close"}}})
	require.True(t, r.Close)
	r = requestOf(t, bridgetest.Request{Version: [2]int{2, 0}, Headers: []bridge.Header{{Name: "cookie", Value: "a=1"}, {Name: "cookie", Value: "b=2"}}})
	require.Equal(t, "HTTP/2.0", r.Proto)
	require.Equal(t, "a=1; b=2", r.Header.Get("Cookie"))
	require.False(t, r.Close)
}

func TestPeersOfUnixSockets(t *testing.T) {
	require.Equal(t, "@", requestOf(t, bridgetest.Request{Peer: "unix"}).RemoteAddr)
	require.Equal(t, "[::1]:50000", requestOf(t, bridgetest.Request{Peer: "::1"}).RemoteAddr)
}

func TestStarIsAPath(t *testing.T) {
	r := requestOf(t, bridgetest.Request{Method: "SEARCH", Path: "*"})
	require.Equal(t, "*", r.URL.Path)
	require.Equal(t, "*", r.RequestURI)
}

// net/http answers OPTIONS * for its handlers, and reads a little of a body.
func TestOptionsOfTheServerAreAnsweredForTheHandler(t *testing.T) {
	h := newHost(t, func(http.ResponseWriter, *http.Request) { panic("not reached") })
	for _, body := range []int{0, 10, 4096, 4097, 70_000} {
		for _, chunked := range []bool{false, true} {
			res := h.Do(bridgetest.Request{Method: "OPTIONS", Path: "*", Body: make([]byte, body), Chunked: chunked})
			require.Equal(t, 200, res.Status)
			require.Equal(t, []bridge.Header{{Name: "Content-Length", Value: "0"}}, res.Headers)
		}
	}
}

// An expectation that is none of HTTP/1.1's own is not for a handler to meet. The answers are those of
// net/http's own server to the same bytes.
func TestUnknownExpectationsFail(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, "reached ", r.Header["Expect"])
	})
	srv := httptest.NewServer(handler)
	defer srv.Close()
	h := newHostOf(t, &bridge.Server{Handler: handler})
	for _, expect := range []string{
		"something", "100-continued", "x-100-continue", "", "100-continue", "100-Continue", "a, 100-continue", "a;b 100-continue",
	} {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		require.NoError(t, err)
		_, _ = fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\nExpect: %s\r\n\r\n", expect)
		theirs, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		body, err := io.ReadAll(theirs.Body)
		require.NoError(t, err)
		_ = conn.Close()

		ours := h.Do(bridgetest.Request{Headers: []bridge.Header{{Name: "expect", Value: expect}}})
		require.Equal(t, theirs.StatusCode, ours.Status, expect)
		require.Equal(t, string(body), string(ours.Body), expect)
		require.Equal(t, theirs.Close, ours.Header("Connection") == "close", expect)
	}
}

func TestExpectationsOnHTTP2(t *testing.T) {
	for expect, want := range map[string]http.Header{
		"100-continue": {}, "a, 100-Continue": {}, "something": {"Expect": {"something"}},
	} {
		r := requestOf(t, bridgetest.Request{Version: [2]int{2, 0}, Headers: []bridge.Header{{Name: "expect", Value: expect}}})
		require.Equal(t, want, r.Header, expect)
	}
}

func TestPathsThatDoNotParseAreBadRequests(t *testing.T) {
	ran := false
	h := newHost(t, func(http.ResponseWriter, *http.Request) { ran = true })
	for _, path := range []string{"/%zz", "/%", "x", "/\x7f", "/a?\x01"} {
		res := h.Do(bridgetest.Request{Path: path})
		require.Equal(t, 400, res.Status, path)
		require.Equal(t, "400 Bad Request", string(res.Body), "as of net/http's server")
		require.Equal(t, "close", res.Header("Connection"))
	}
	require.False(t, ran)
}

func TestTLSHasWhatIsKnown(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)

	r := requestOf(t, bridgetest.Request{TLS: true, Scheme: "https", Host: "example.org", Cert: der, Version: [2]int{2, 0}})
	require.True(t, r.TLS.HandshakeComplete)
	require.Equal(t, "example.org", r.TLS.ServerName)
	require.Equal(t, "h2", r.TLS.NegotiatedProtocol)
	require.Equal(t, "client", r.TLS.PeerCertificates[0].Subject.CommonName)

	r = requestOf(t, bridgetest.Request{TLS: true, Scheme: "https", Host: "[::1]"})
	require.Empty(t, r.TLS.ServerName)
	require.Empty(t, r.TLS.PeerCertificates)

	h := newHost(t, ok)
	require.Equal(t, bridge.CodeBadPayload, h.Do(bridgetest.Request{TLS: true, Cert: []byte("no DER")}).Abort.Code)
}

// A client of HTTP/2 without TLS names any scheme it likes.
func TestASchemeIsNoProofOfTLS(t *testing.T) {
	req := bridgetest.Request{Scheme: "https", Version: [2]int{2, 0}}
	require.Nil(t, requestOf(t, req).TLS)
	seen := make(chan *http.Request, 1)
	app := bridge.AppOf(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r }))
	newHostOf(t, &bridge.Server{Handler: app}).Do(req)
	require.Nil(t, within(t, seen).TLS)
}

// What a proxy that the host trusts says is the scheme of the environ, and r.TLS
// is still about the connection.
func TestAProxysSchemeIsTheEnvirons(t *testing.T) {
	for _, tls := range []bool{false, true} {
		for scheme, port := range map[string]string{"http": "80", "https": "443"} {
			req := bridgetest.Request{Scheme: scheme, Proxied: true, TLS: tls, Host: "example.org"}
			r := requestOf(t, req)
			require.Equal(t, tls, r.TLS != nil)
			env := bridge.EnvironOf(r)
			require.Equal(t, []string{scheme, port}, []string{env.String("gwport.url_scheme"), env.String("SERVER_PORT")})
			seen := make(chan *http.Request, 1)
			app := bridge.AppOf(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r }))
			newHostOf(t, &bridge.Server{Handler: app}).Do(req)
			require.Equal(t, tls, within(t, seen).TLS != nil)
		}
	}
	r := requestOf(t, bridgetest.Request{Scheme: "https", Version: [2]int{2, 0}})
	require.Equal(t, "http", bridge.EnvironOf(r).String("gwport.url_scheme"))
}

// The header that a handler sees is the one it would see under net/http.
func TestHeadersAreThoseOfNetHTTP(t *testing.T) {
	got := make(chan *http.Request, 1)
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r })
	srv := httptest.NewServer(handler)
	defer srv.Close()
	for name, headers := range map[string][]bridge.Header{
		"plain":       {{Name: "accept", Value: "*/*"}, {Name: "x-Y", Value: "z"}},
		"pragma":      {{Name: "pragma", Value: "no-cache"}},
		"odd":         {{Name: "x_y", Value: "1"}, {Name: "x!", Value: "2"}},
		"duplicates":  {{Name: "a", Value: "1"}, {Name: "a", Value: "2"}},
		"empty value": {{Name: "a", Value: ""}},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(context.Background(), "POST", srv.URL+"/p?q", bytes.NewReader([]byte("body")))
			require.NoError(t, err)
			for _, h := range headers {
				req.Header[http.CanonicalHeaderKey(h.Name)] = append(req.Header[http.CanonicalHeaderKey(h.Name)], h.Value)
			}
			res, err := srv.Client().Do(req)
			require.NoError(t, err)
			_ = res.Body.Close()
			want := within(t, got)
			for _, added := range []string{"User-Agent", "Accept-Encoding"} {
				want.Header.Del(added)
			}
			have := requestOf(t, bridgetest.Request{
				Method: "POST", Path: "/p?q", Body: []byte("body"),
				Headers: append([]bridge.Header{{Name: "content-length", Value: "4"}}, headers...),
			})
			require.Equal(t, want.Header, have.Header)
			require.Equal(t, want.URL, have.URL)
			require.Equal(t, want.ContentLength, have.ContentLength)
			require.Equal(t, want.TransferEncoding, have.TransferEncoding)
		})
	}
}
