package middleware_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/middleware"
)

// vector is a case of test/vectors/middleware.txt: values by key, and pairs by key.
type vector struct {
	name  string
	lines map[string][]string
}

func (v vector) all(key string) []string { return v.lines[key] }

func (v vector) one(key, otherwise string) string {
	if all := v.lines[key]; len(all) > 0 {
		return all[0]
	}
	return otherwise
}

func (v vector) option(name string) string {
	for _, line := range v.all("option") {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return value
		}
	}
	return ""
}

func (v vector) number(name string) int {
	n, _ := strconv.Atoi(v.option(name))
	return n
}

func vectors(t *testing.T) []vector {
	t.Helper()
	b, err := os.ReadFile("../../test/vectors/middleware.txt")
	require.NoError(t, err)
	var all []vector
	for line := range strings.Lines(string(b)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		require.True(t, ok, line)
		value = strings.TrimPrefix(value, " ")
		if key == "case" {
			all = append(all, vector{value, make(map[string][]string)})
			continue
		}
		last := all[len(all)-1]
		last.lines[key] = append(last.lines[key], value)
	}
	require.Greater(t, len(all), 100)
	return all
}

// around is the middleware of a case. The App that is mounted by a prefix is given.
func (v vector) around(mounted bridge.App) bridge.Middleware {
	fields := func(name string) []string { return strings.Fields(v.option(name)) }
	switch v.one("with", "") {
	case "gzip":
		return middleware.Gzip{MinSize: v.number("min_size"), Types: fields("types")}.Around
	case "conditional":
		return middleware.Conditional{ETags: v.option("etags") == "true"}.Around
	case "cors":
		return middleware.CORS{
			Origins: fields("origins"), Methods: fields("methods"), Headers: fields("headers"), Expose: fields("expose"),
			Credentials: v.option("credentials") == "true", MaxAge: v.number("max_age"),
		}.Around
	case "basic_auth":
		users := make(map[string]string)
		for _, pair := range fields("users") {
			user, password, _ := strings.Cut(pair, ":")
			users[user] = password
		}
		return middleware.BasicAuth{Users: users, Realm: v.option("realm"), Field: v.option("field")}.Around
	case "method_override":
		return middleware.MethodOverride{
			Field: v.option("field"), Parameter: v.option("parameter"), Methods: fields("methods"),
		}.Around
	case "request_id":
		return middleware.RequestID{Field: v.option("field"), Accept: v.option("accept") == "true"}.Around
	case "prefix":
		return middleware.Prefix{At: v.option("at"), App: mounted}.Around
	}
	panic("no such middleware: " + v.one("with", ""))
}

func (v vector) environ() bridge.Environ {
	method, target, _ := strings.Cut(v.one("request", "GET /"), " ")
	r := httptest.NewRequest(method, target, nil)
	for _, line := range v.all("field") {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return bridge.EnvironOf(r)
}

// text is what the app says.
func (v vector) text() string {
	if n, err := strconv.Atoi(v.one("bytes", "")); err == nil {
		return strings.Repeat("x", n)
	}
	return v.one("body", "hello")
}

// blocks is a body that comes in blocks, and counts how often it is closed.
type blocks struct {
	left   []string
	closed atomic.Int32
}

func (b *blocks) Read(p []byte) (int, error) {
	if len(b.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.left[0])
	if b.left[0] = b.left[0][n:]; b.left[0] == "" {
		b.left = b.left[1:]
	}
	return n, nil
}

func (b *blocks) Close() error {
	b.closed.Add(1)
	return nil
}

// whole is a body in memory that counts too.
type whole struct {
	*strings.Reader
	closed atomic.Int32
}

func (b *whole) Close() error {
	b.closed.Add(1)
	return nil
}

// response is the app's, and the count of its body's ends.
func (v vector) response(form string) (bridge.Response, *atomic.Int32) {
	status, _ := strconv.Atoi(v.one("status", "200"))
	res := bridge.Response{Status: status}
	for _, line := range v.all("header") {
		name, value, _ := strings.Cut(line, ": ")
		res.Headers = append(res.Headers, bridge.Header{Name: name, Value: value})
	}
	res.Headers = slices.Grow(res.Headers, 4) // into which an append would write
	text := v.text()
	if form != "blocks" {
		b := &whole{Reader: strings.NewReader(text)}
		res.Body = b
		return res, &b.closed
	}
	b := &blocks{left: []string{text[:len(text)/2], text[len(text)/2:]}}
	res.Body = b
	return res, &b.closed
}

func TestMiddlewareIsAsTheVectorsSay(t *testing.T) {
	for _, v := range vectors(t) {
		for _, form := range []string{"whole", "blocks", "deferred"} {
			if of := v.one("form", form); of == form || of == "whole" && form == "deferred" {
				t.Run(v.name+"/"+form, func(t *testing.T) { v.check(t, form) })
			}
		}
	}
}

func (v vector) check(t *testing.T, form string) {
	sent, closed := v.response(form)
	headers := strings.Join(lines(sent.Headers), "\n")
	reached, seen := "no", bridge.Environ(nil)
	app := func(name string) bridge.App {
		return func(_ context.Context, env bridge.Environ) bridge.Result {
			reached, seen = name, env
			if form == "deferred" {
				return bridge.Deferred(func() bridge.Result { return sent })
			}
			return sent
		}
	}
	result := bridge.Chain(app("app"), v.around(app("mounted")))(t.Context(), v.environ())
	if later, ok := result.(bridge.Deferred); ok {
		result = later()
	}
	res := result.(bridge.Response)
	require.Equal(t, v.one("reached", "app"), reached)
	for _, line := range v.all("sees") {
		key, value, isThere := strings.Cut(line, "=")
		if isThere {
			require.Equal(t, value, seen[key])
		} else {
			require.NotContains(t, seen, key)
		}
	}
	require.Equal(t, v.one("expect", ""), strconv.Itoa(res.Status))
	for _, line := range v.all("has") {
		name, value, _ := strings.Cut(line, ": ")
		require.Equal(t, value, joined(res.Headers, name))
	}
	for _, name := range v.all("lacks") {
		require.Empty(t, joined(res.Headers, name))
	}
	body := read(t, res)
	if says, ok := v.lines["says"]; ok {
		require.Equal(t, says[0], strings.TrimSuffix(body, "\n"))
	} else if reached != "no" && res.Status < 300 {
		require.Equal(t, v.text(), body)
	}
	require.Equal(t, headers, strings.Join(lines(sent.Headers), "\n"), "the app's own list has been changed")
	if reached != "no" {
		require.EqualValues(t, 1, closed.Load(), "closes")
	}
}

func lines(headers []bridge.Header) []string {
	var all []string
	for _, h := range headers[:cap(headers)] {
		all = append(all, h.Name+": "+h.Value)
	}
	return all
}

func joined(headers []bridge.Header, name string) string {
	var all []string
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			all = append(all, h.Value)
		}
	}
	return strings.Join(all, ", ")
}

// read reads and closes a body as the bridge does, and decodes it.
func read(t *testing.T, res bridge.Response) string {
	t.Helper()
	if res.Body == nil {
		return ""
	}
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	if c, ok := res.Body.(io.Closer); ok {
		require.NoError(t, c.Close())
	}
	if joined(res.Headers, "content-encoding") != "gzip" {
		return string(b)
	}
	r, err := gzip.NewReader(strings.NewReader(string(b)))
	require.NoError(t, err)
	b, err = io.ReadAll(r)
	require.NoError(t, err)
	return string(b)
}
