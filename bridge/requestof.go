package bridge

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// requestOf makes a request of an environ: the way back from EnvironOf. What an
// environ does not tell (TLS, trailers) comes from the request that it was made
// of, if there is one in the context.
func requestOf(ctx context.Context, env Environ) (*http.Request, error) {
	u, err := urlOf(env)
	if err != nil {
		return nil, err
	}
	r := (&http.Request{
		Method:     env.Method(),
		URL:        u,
		Header:     headerOf(env),
		Host:       env.String("HTTP_HOST"),
		RemoteAddr: address{env.String("REMOTE_ADDR"), number(env.String("REMOTE_PORT"))}.String(),
		RequestURI: env.String("REQUEST_URI"),
	}).WithContext(ctx)
	r.Proto = env.String("SERVER_PROTOCOL")
	if r.Proto == "HTTP/2" {
		r.Proto = "HTTP/2.0"
	}
	r.ProtoMajor, r.ProtoMinor, _ = http.ParseHTTPVersion(r.Proto)
	if r.Host == "" {
		q := request{host: env.String("SERVER_NAME"), port: number(env.String("SERVER_PORT")), scheme: env.String("gwport.url_scheme")}
		r.Host = q.authority()
	}
	setBody(r, env.Input())
	fromOriginal(r, env)
	return r, nil
}

// fromOriginal takes from the request that the environ was made of what an
// environ cannot tell.
func fromOriginal(r *http.Request, env Environ) {
	if env.String("gwport.url_scheme") == "https" {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true}
	}
	original, ok := r.Context().Value(requestKey{}).(*http.Request)
	if !ok {
		return
	}
	if r.TLS != nil && original.TLS != nil {
		r.TLS = original.TLS
	}
	r.TransferEncoding, r.Trailer = original.TransferEncoding, original.Trailer
	r.Close = original.Close
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
