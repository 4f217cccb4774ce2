package bridge_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

func ExampleValidate() {
	app := bridge.App(func(context.Context, bridge.Environ) bridge.Result {
		return bridge.Response{Status: 405, Headers: []bridge.Header{{Name: "Connection", Value: "close"}}}
	})
	validate := bridge.Validate(bridge.Validation{
		Exclude: []string{"response.status.needs"},
		Report: func(_ context.Context, f bridge.Finding) {
			fmt.Println(f.Severity, f.Rule, "by the", f.Side, "in", f.Where)
		},
	})
	w := httptest.NewRecorder()
	validate(app).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	fmt.Println(w.Code)
	// Output:
	// error response.header.hop by the app in header connection
	// 405
}

// reporter is a Validation that keeps what it finds.
func reporter(found *[]bridge.Finding) bridge.Validation {
	return bridge.Validation{Report: func(_ context.Context, f bridge.Finding) { *found = append(*found, f) }}
}

func TestFindingSaysWhatWasSeenWhere(t *testing.T) {
	var found []bridge.Finding
	validate := bridge.Validate(reporter(&found))
	validate(says(200, "etag", "abc")).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/a%20b?secret=1", nil))
	require.Len(t, found, 1)
	b, err := json.Marshal(found[0])
	require.NoError(t, err)
	require.JSONEq(t, `{"rule": "response.etag.quoted", "severity": "warning", "side": "app", "where": "header etag",
		"seen": "\"abc\"", "says": "ETag is text in double quotes, with W/ before it if it is a weak one.",
		"hint": "Put the quotes around it: \"abc\", W/\"abc\".", "method": "GET", "path": "/a%20b"}`, string(b))
}

// What may be somebody's secret is in no finding.
func TestFindingsHaveNoSecrets(t *testing.T) {
	const secret = "s3cret"
	var found []bridge.Finding
	app := bridge.Chain(func(_ context.Context, env bridge.Environ) bridge.Result {
		_, _ = io.WriteString(env.Errors(), secret+"\xff")
		_, _ = io.ReadAll(env.Input())
		return bridge.Response{Status: 200, Headers: []bridge.Header{
			{Name: "set-cookie", Value: "a b=" + secret},
			{Name: "set-cookie", Value: "b=" + secret + "\n"},
			{Name: "location", Value: "/?" + secret + " "},
			{Name: "authorization", Value: secret + "\x00"},
		}, Body: onlyReader{io.MultiReader(strings.NewReader(secret), failing{})}}
	}, func(app bridge.App) bridge.App {
		return func(ctx context.Context, env bridge.Environ) bridge.Result {
			env["gwport.errors"] = io.Discard
			for _, key := range []string{"HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_PROXY", "HTTP_CONTENT_LENGTH"} {
				env[key] = secret + "\r\n"
			}
			env["user"] = secret
			env["HTTP_X_TOKEN"] = []byte(secret)
			env["gwport.version"] = errors.New(secret)
			return app(ctx, env)
		}
	}, bridge.Validate(reporter(&found)))
	// The outermost comes first in Chain, and the validator stands behind what changes the environ.
	r := httptest.NewRequest("POST", "/?"+secret, strings.NewReader(secret))
	r.Header.Set("Content-Length", "3")
	func() {
		defer func() { _ = recover() }()
		app.ServeHTTP(httptest.NewRecorder(), r)
	}()
	require.GreaterOrEqual(t, len(found), 12, "%v", idsOf(found))
	require.NotContains(t, fmt.Sprintf("%+v", found), secret)
}

func TestAnAppWithNothingToLookAtStaysAsItIs(t *testing.T) {
	same := bridge.Validate(bridge.Validation{Exclude: []string{"*"}})(fine)
	require.Equal(t, reflect.ValueOf(fine).Pointer(), reflect.ValueOf(same).Pointer())
}

func TestExcludedRulesAreNamedByTheirBeginnings(t *testing.T) {
	s := scene{env: set("user", "joe"), app: says(405, "Keep-Alive", "1")}
	require.ElementsMatch(t, []string{"environ.key.own", "response.header.hop", "response.status.needs"}, idsOf(s.play(t)))
	require.Equal(t, []string{"environ.key.own"}, idsOf(s.play(t, "response")))
	require.ElementsMatch(t, []string{"environ.key.own", "response.status.needs"}, idsOf(s.play(t, "response.header")))
	require.Equal(t, []string{"response.header.hop"}, idsOf(s.play(t, "environ", "response.status.needs")))
}

func TestValidationsThatCannotBe(t *testing.T) {
	for text, v := range map[string]bridge.Validation{
		`bridge: Validation.Exclude has "body.clos", which is no rule, nor the beginning of one`: {Exclude: []string{"body.clos"}},
		"bridge: Validation.Grace is -1ns, expected more than 0":                                 {Grace: -1},
	} {
		require.PanicsWithError(t, text, func() { bridge.Validate(v) })
		require.EqualError(t, (&bridge.Server{Handler: fine, Validation: v}).ServeConn(nil, nil), text)
	}
}

// Each place is told once, and no more than so many of one request.
func TestFindingsOfOneRequestAreBounded(t *testing.T) {
	var pairs []string
	for i := range 100 {
		pairs = append(pairs, fmt.Sprintf("x%d", i), "\x00", fmt.Sprintf("x%d", i), "\x00")
	}
	require.Len(t, scene{app: says(200, pairs...)}.play(t), 64)
	require.Len(t, scene{app: says(200, pairs[:124]...)}.play(t), 31)
}

func TestARequestFailsIfThatIsWanted(t *testing.T) {
	var found []bridge.Finding
	v := reporter(&found)
	v.Fail = true
	closed := 0
	long := func() io.Reader {
		return closeFunc{io.MultiReader(strings.NewReader("too"), strings.NewReader(" long")), func() { closed++ }}
	}
	app := func(_ context.Context, env bridge.Environ) bridge.Result {
		switch env.String("PATH_INFO") {
		case "/header":
			return bridge.Response{Status: 200, Headers: []bridge.Header{{Name: "a b"}}, Body: closeFunc{nil, func() { closed++ }}}
		case "/warning":
			return bridge.Response{Status: 405}
		case "/body":
			return streams(long, bridge.Header{Name: "Content-Length", Value: "3"})(t.Context(), env)
		case "/nothing":
			return nil
		}
		return bridge.Text(200, "ok")
	}
	h := newHostOf(t, &bridge.Server{Handler: bridge.Chain(app, func(app bridge.App) bridge.App {
		return func(ctx context.Context, env bridge.Environ) bridge.Result {
			if env.String("PATH_INFO") == "/environ" {
				delete(env, "QUERY_STRING")
			}
			return app(ctx, env)
		}
	}, bridge.Validate(v))})
	for _, c := range []struct {
		path, rule string
		status     int
	}{
		{"/", "", 200},
		{"/environ", "environ.query.there", 500},
		{"/header", "response.header.name", 500},
		{"/warning", "response.status.needs", 405},
		{"/nothing", "response.shape", 500},
	} {
		found = nil
		res := h.Do(bridgetest.Request{Path: c.path})
		require.Equal(t, c.status, res.Status, c.path)
		if c.status == 500 {
			require.Equal(t, "Internal Server Error\n", string(res.Body))
		}
		if c.rule != "" {
			require.Equal(t, c.rule, found[0].Rule)
		}
	}
	require.Equal(t, 1, closed)
	found = nil
	res := h.Do(bridgetest.Request{Path: "/body"})
	require.Equal(t, 200, res.Status)
	require.Equal(t, "too", string(res.Body))
	require.NotNil(t, res.Abort)
	require.Equal(t, []string{"body.length"}, idsOf(found))
	require.Equal(t, 2, closed)
}

type closeFunc struct {
	io.Reader
	f func()
}

func (c closeFunc) Close() error { c.f(); return nil }

// What streams goes on streaming, and what is whole stays whole.
func TestAValidatorPassesOnBlockByBlock(t *testing.T) {
	r, w := io.Pipe()
	h := newHostOf(t, &bridge.Server{Handler: validates(func(_ context.Context, env bridge.Environ) bridge.Result {
		if env.String("PATH_INFO") == "/whole" {
			return bridge.Text(200, "whole")
		}
		return bridge.Response{Status: 200, Body: r}
	})})
	require.True(t, h.Do(bridgetest.Request{Path: "/whole"}).Whole)
	s := h.Open(bridgetest.Request{})
	_, _ = io.WriteString(w, "one")
	s.Expect(bridgetest.Head)
	require.Equal(t, "one", string(s.Expect(bridgetest.Chunk).Payload))
	_, _ = io.WriteString(w, "two")
	require.Equal(t, "two", string(s.Expect(bridgetest.Chunk).Payload))
	s.Abort(bridge.CodeCancelled, "")
	require.Eventually(t, func() bool { _, err := io.WriteString(w, "three"); return err != nil }, soon, 1e6, "the pipe is closed")
}

// A handler that runs as an App reads the input that is looked at, too.
func TestAHandlersInputIsValidated(t *testing.T) {
	var found []bridge.Finding
	app := bridge.AppOf(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { readAll(r.Body) }))
	r := httptest.NewRequest("POST", "/", strings.NewReader("hell"))
	r.Header.Set("Content-Length", "5")
	bridge.Validate(reporter(&found))(app).ServeHTTP(httptest.NewRecorder(), r)
	require.Equal(t, []string{"input.length"}, idsOf(found))
}

// It is the body that goes on, and not the App.
func TestABodyThatIgnoresTheEndIsFound(t *testing.T) {
	for d, want := range map[time.Duration][]string{1001 * time.Millisecond: {"body"}, 999 * time.Millisecond: nil} {
		s := scene{inTime: true, app: func(ctx context.Context, _ bridge.Environ) bridge.Result {
			res := bridge.Text(200, "")
			res.Body = readerFunc(func([]byte) (int, error) { <-ctx.Done(); time.Sleep(d); return 0, io.EOF })
			return res
		}}
		var where []string
		for _, f := range s.play(t) {
			require.Equal(t, "life.cancel", f.Rule)
			where = append(where, f.Where)
		}
		require.Equal(t, want, where)
	}
}

// A program whose host runs for development is told what its Apps do wrong, by the log.
func TestAppsAreValidatedInDevelopment(t *testing.T) {
	own, writer, flags := slog.Default(), log.Writer(), log.Flags()
	slog.SetDefault(slog.New(bridge.LogHandler())) // as it is in a process that a host has started
	defer func() {
		slog.SetDefault(own)
		log.SetOutput(writer)
		log.SetFlags(flags)
	}()
	wrong := says(200, "Keep-Alive", "timeout=5")
	var found []bridge.Finding
	apps := map[string]http.Handler{
		"bare":   wrong,
		"routed": func() http.Handler { m := http.NewServeMux(); m.Handle("/", wrong); return m }(),
		"nested": bridge.AppOf(bridge.Chain(bridge.AppOf(wrong), through)),
		"own":    bridge.Chain(wrong, through, bridge.Validate(reporter(&found)), through),
		"plain":  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Keep-Alive", "timeout=5") }),
	}
	h := bridgetest.NewWith(t, &bridge.Server{Apps: apps}, bridgetest.Config{Dev: true})
	for _, name := range []string{"bare", "routed", "nested"} {
		require.Equal(t, 200, h.Do(bridgetest.Request{App: name, Path: "/x"}).Status)
		level, text, meta := logLine(t, h)
		require.EqualValues(t, 3, level)
		require.Equal(t, "bridge: broken rule response.header.hop: Fields of the connection are the host's: Connection, Keep-Alive, "+
			"Proxy-Connection, TE, Transfer-Encoding, and Upgrade but in a 426.", text)
		require.Equal(t, etf.Binary("header keep-alive"), metaOf(meta, "where"))
		require.Equal(t, etf.Binary("/x"), metaOf(meta, "path"))
		require.NotNil(t, metaOf(meta, "stream"))
	}
	// One with a validator of its own has that alone, and what is no App none.
	require.Equal(t, 200, h.Do(bridgetest.Request{App: "own"}).Status)
	require.Equal(t, []string{"response.header.hop"}, idsOf(found))
	require.Equal(t, 200, h.Do(bridgetest.Request{App: "plain"}).Status)
	requireNoMoreLines(t, h)

	for _, c := range []struct {
		server bridge.Server
		dev    bool
	}{
		{bridge.Server{Handler: wrong}, false},
		{bridge.Server{Handler: wrong, Validation: bridge.Validation{Exclude: []string{"*"}}}, true},
		{bridge.Server{Handler: wrong, Validation: bridge.Validation{Exclude: []string{"response"}}}, true},
	} {
		h := bridgetest.NewWith(t, &c.server, bridgetest.Config{Dev: c.dev})
		require.Equal(t, 200, h.Do(bridgetest.Request{}).Status)
		requireNoMoreLines(t, h)
	}
}

// requireNoMoreLines has the program end, and sees that it has logged nothing more.
func requireNoMoreLines(t *testing.T, h *bridgetest.Host) {
	t.Helper()
	h.Drain()
	for {
		f, ok := h.Next()
		if !ok {
			return
		}
		require.NotEqual(t, bridgetest.Log, f.Kind, "%s", f.Payload)
	}
}
