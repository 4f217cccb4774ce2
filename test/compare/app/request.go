package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// sawRequest notes every field of the Request, and what its context has.
// tlsOf is what a handler can learn of the client's TLS connection.
func tlsOf(state *tls.ConnectionState) string {
	if state == nil {
		return "none"
	}
	return fmt.Sprintf("version=%s suite=%t complete=%t name=%s protocol=%s certificates=%d", tls.VersionName(state.Version),
		state.CipherSuite != 0, state.HandshakeComplete, state.ServerName, state.NegotiatedProtocol, len(state.PeerCertificates))
}

func (p *probe) sawRequest(r *http.Request) {
	p.saw("method", r.Method)
	p.saw("proto", fmt.Sprint(r.Proto, " ", r.ProtoMajor, ".", r.ProtoMinor))
	p.saw("host", r.Host)
	p.saw("requesturi", r.RequestURI)
	p.saw("remoteaddr", r.RemoteAddr)
	p.saw("close", fmt.Sprint(r.Close))
	p.saw("length", fmt.Sprint(r.ContentLength))
	p.saw("te", strings.Join(r.TransferEncoding, ","))
	p.saw("nobody", fmt.Sprint(r.Body == http.NoBody))
	p.saw("tls", fmt.Sprint(r.TLS != nil))
	p.saw("forms", fmt.Sprint(r.Form != nil, r.PostForm != nil, r.MultipartForm != nil))
	p.saw("pattern", r.Pattern)
	p.saw("rest", fmt.Sprint(r.GetBody != nil, r.Response != nil, r.Cancel != nil)) //lint:ignore SA1019 a field too
	p.saw("trailers", strings.Join(slices.Sorted(maps.Keys(r.Trailer)), ","))
	p.sawURL(r.URL)
	p.sawHeader(r.Header)
	p.sawContext(r.Context())
}

func (p *probe) sawURL(u *url.URL) {
	p.saw("url", fmt.Sprintf("scheme=%q opaque=%q user=%v host=%q path=%q raw=%q force=%v query=%q fragment=%q omit=%v",
		u.Scheme, u.Opaque, u.User, u.Host, u.Path, u.RawPath, u.ForceQuery, u.RawQuery, u.Fragment, u.OmitHost))
	p.saw("url.string", u.String())
}

// sawHeader notes the fields as the case's client cannot know them: whether the names are canonical, and how many
// values there are. Values are joined, as Cowboy joins them.
func (p *probe) sawHeader(h http.Header) {
	for name, values := range h {
		if name != caseField && name != doField {
			p.saw("header."+name, strings.Join(values, ", "))
		}
	}
}

// What net/http's own server puts into the context, and whether it will end by itself.
func (p *probe) sawContext(ctx context.Context) {
	server, isServer := ctx.Value(http.ServerContextKey).(*http.Server)
	local, isAddr := ctx.Value(http.LocalAddrContextKey).(net.Addr)
	_, isBounded := ctx.Deadline()
	p.saw("localaddr", fmt.Sprint(local))
	p.saw("context", fmt.Sprintf("server=%v,%v addr=%v deadline=%v",
		isServer, server != nil, isAddr, isBounded))
}
