package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/gwport/gwport/test/compare/script"
)

// Handlers of the standard library around a script, or in front of a server.
var _ = register(map[string]operation{
	// timeout MS SCRIPT: what the script saw is told even if it came too late.
	"timeout": func(x *run, op script.Op) string {
		over := make(chan struct{})
		inner := x.handler(op.Arg(1))
		h := http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(over)
			inner.ServeHTTP(w, r)
		}), time.Duration(op.Int(0))*time.Millisecond, "too slow")
		h.ServeHTTP(x.w, x.r)
		<-over
		return ""
	},
	// strip PREFIX SCRIPT
	"strip": func(x *run, op script.Op) string {
		http.StripPrefix(op.Arg(0), x.handler(op.Arg(1))).ServeHTTP(x.w, x.r)
		return ""
	},
	// mux PATTERN SCRIPT: what the Request says of the pattern that it was matched by.
	"mux": func(x *run, op script.Op) string {
		mux := http.NewServeMux()
		inner := x.handler(op.Arg(1))
		mux.HandleFunc(op.Arg(0), func(w http.ResponseWriter, r *http.Request) {
			x.p.saw("mux", fmt.Sprintf("%q %q", r.Pattern, r.PathValue("name")))
			inner.ServeHTTP(w, r)
		})
		mux.ServeHTTP(x.w, x.r)
		return ""
	},
	// proxy ANSWER: a reverse proxy before a server that writes these bytes and ends the connection, when the gate of
	// that name is open.
	"proxy": func(x *run, op script.Op) string { return proxyRaw(x, op.Arg(0)) },
	// forward SCRIPT: a reverse proxy before net/http with the script as its handler.
	"forward": func(x *run, op script.Op) string {
		back := httptest.NewServer(x.handler(op.Arg(0)))
		defer back.Close()
		return proxyTo(x, back.URL)
	},
})

func proxyRaw(x *run, answer string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	over := make(chan struct{})
	defer func() {
		_ = ln.Close()
		<-over
	}()
	go func() {
		defer close(over)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close() //nolint:errcheck // that is what it is there for
		if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
			_, _ = io.Copy(io.Discard, req.Body)
		}
		_, _ = io.WriteString(conn, answer)
		x.p.gate("answered")
	}()
	return proxyTo(x, "http://"+ln.Addr().String())
}

func proxyTo(x *run, to string) string {
	target, err := url.Parse(to)
	if err != nil {
		panic(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:    &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	proxy.ServeHTTP(x.w, x.r)
	return ""
}
