package bridge

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// requestOf makes a request of an environ: the way back from EnvironOf. An environ
// does not tell all of a request (TLS, trailers, fields of one name apart), so that
// it is made of the one that the App was run for, if there is one, and of what
// middleware has changed.
func requestOf(ctx context.Context, env Environ) (*http.Request, error) {
	if call, ok := ctx.Value(callKey{}).(*appCall); ok {
		return changedRequest(ctx, call.r, env)
	}
	u, err := urlOf(env)
	if err != nil {
		return nil, err
	}
	r := (&http.Request{
		Method:     env.Method(),
		URL:        u,
		Header:     headerOf(env),
		Host:       hostOf(env),
		RemoteAddr: remoteOf(env),
		RequestURI: env.String("REQUEST_URI"),
		TLS:        tlsOf(env),
	}).WithContext(ctx)
	setProto(r, env)
	setBody(r, env.Input())
	return r, nil
}

// changedRequest is the request with what the environ has that was not made of it.
func changedRequest(ctx context.Context, original *http.Request, env Environ) (*http.Request, error) {
	made := EnvironOf(original)
	differs := func(keys ...string) bool {
		for _, key := range keys {
			if made.String(key) != env.String(key) {
				return true
			}
		}
		return false
	}
	r := original.WithContext(ctx)
	r.Method = env.Method()
	r.Header = changedHeader(original.Header, made, env)
	if differs("REQUEST_URI", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING") {
		u, err := urlOf(env)
		if err != nil {
			return nil, err
		}
		r.URL, r.RequestURI = u, env.String("REQUEST_URI")
		if differs("SCRIPT_NAME") {
			r = r.WithContext(context.WithValue(ctx, mountKey{}, scriptOf(env)))
		}
	}
	if differs("HTTP_HOST", "SERVER_NAME", "SERVER_PORT") {
		r.Host = hostOf(env)
	}
	if differs("REMOTE_ADDR", "REMOTE_PORT") {
		r.RemoteAddr = remoteOf(env)
	}
	if differs("SERVER_PROTOCOL") {
		setProto(r, env)
	}
	if differs("gwport.url_scheme") {
		r.TLS = tlsOf(env)
	}
	switch body, isValidated := env.Input().(*validInput); {
	case differs("CONTENT_LENGTH") || !isSame(plainInput(env.Input()), made.Input()):
		setBody(r, env.Input())
	case isValidated:
		r.Body = body
	}
	return r, nil
}

// scriptOf is SCRIPT_NAME as it was received, where middleware has kept that form of it up.
func scriptOf(env Environ) string {
	if raw := env.String("gwport.script_name"); percentDecode(raw) == env.String("SCRIPT_NAME") {
		return raw
	}
	return (&url.URL{Path: env.String("SCRIPT_NAME")}).EscapedPath()
}

// changedHeader is the header with those keys of the environ that are not as they
// were made of it. A field that has no key stays.
func changedHeader(original http.Header, made, env Environ) http.Header {
	h := original.Clone()
	if h == nil {
		h = make(http.Header)
	}
	changed := make(map[string]bool)
	for key := range made {
		changed[key] = made.String(key) != env.String(key)
	}
	for name := range original {
		if changed[headerKey(name)] {
			delete(h, name)
		}
	}
	for name, values := range headerOf(env) {
		if key := headerKey(name); changed[key] || made[key] == nil {
			h[name] = values
		}
	}
	return h
}

// isSame tells whether two readers are one. Not every reader can be compared.
func isSame(a, b io.Reader) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// urlOf parses the request's target. Where middleware has changed SCRIPT_NAME or
// PATH_INFO, these are what counts.
func urlOf(env Environ) (*url.URL, error) {
	uri := env.String("REQUEST_URI")
	path, _, _ := strings.Cut(uri, "?")
	whole := splitPath(path, len(path)).info
	now := env.String("SCRIPT_NAME") + env.String("PATH_INFO")
	if now != whole {
		return &url.URL{Path: now, RawQuery: env.String("QUERY_STRING")}, nil
	}
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return nil, fmt.Errorf("bridge: REQUEST_URI: %w", err)
	}
	u.RawQuery = env.String("QUERY_STRING")
	return u, nil
}

func headerOf(env Environ) http.Header {
	h := make(http.Header)
	for key, v := range env {
		value, ok := v.(string)
		if !ok {
			continue
		}
		switch name, isHeader := strings.CutPrefix(key, "HTTP_"); {
		case key == "CONTENT_TYPE":
			h.Set("Content-Type", value)
		case key == "CONTENT_LENGTH":
			h.Set("Content-Length", value)
		case isHeader && name != "HOST" && name != "TRANSFER_ENCODING":
			h.Set(strings.ReplaceAll(name, "_", "-"), value)
		}
	}
	return h
}

func hostOf(env Environ) string {
	if host := env.String("HTTP_HOST"); host != "" {
		return host
	}
	q := request{wire.Request{Host: env.String("SERVER_NAME"), Port: number(env.String("SERVER_PORT")), Scheme: env.String("gwport.url_scheme")}}
	return q.authority()
}

func remoteOf(env Environ) string {
	return address{env.String("REMOTE_ADDR"), number(env.String("REMOTE_PORT"))}.String()
}

func tlsOf(env Environ) *tls.ConnectionState {
	if env.String("gwport.url_scheme") != "https" {
		return nil
	}
	return &tls.ConnectionState{HandshakeComplete: true}
}

func setProto(r *http.Request, env Environ) {
	r.Proto = env.String("SERVER_PROTOCOL")
	if r.Proto == "HTTP/2" {
		r.Proto = "HTTP/2.0"
	}
	r.ProtoMajor, r.ProtoMinor, _ = http.ParseHTTPVersion(r.Proto)
}

// setBody tells what is known of the body's length: CONTENT_LENGTH, or that
// there is none.
func setBody(r *http.Request, input io.Reader) {
	r.ContentLength = -1
	if n, err := strconv.ParseInt(r.Header.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		r.ContentLength = n
	}
	switch body := input.(type) {
	case io.ReadCloser:
		r.Body = body
	default:
		r.Body = io.NopCloser(input)
	}
	if r.Body == http.NoBody || r.ContentLength == 0 {
		r.Body, r.ContentLength = http.NoBody, 0
	}
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
