package bridge_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
)

// A scene is a request that an App answers behind a validator. What it does not set is
// as it should be.
type scene struct {
	method string
	https  bool
	env    func(bridge.Environ) // what the gateway does wrong, or right
	app    bridge.App           // fine, if nil
	front  bridge.Middleware    // stands in front of the validator
	after  func()               // is called when the response is over
	inTime bool                 // it is played with a clock of its own, and its request ends while it runs
}

var fine = bridge.App(func(context.Context, bridge.Environ) bridge.Result { return bridge.Text(200, "ok") })

// play returns what was found.
func (s scene) play(t *testing.T, exclude ...string) []bridge.Finding {
	t.Helper()
	if !s.inTime {
		return s.playNow(t.Context(), exclude)
	}
	var found []bridge.Finding
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		found = s.playNow(ctx, exclude)
	})
	return found
}

func (s scene) playNow(ctx context.Context, exclude []string) (found []bridge.Finding) {
	var mu sync.Mutex
	validate := bridge.Validate(bridge.Validation{Exclude: exclude, Report: func(_ context.Context, f bridge.Finding) {
		mu.Lock()
		defer mu.Unlock()
		found = append(found, f)
	}})
	app := s.app
	if app == nil {
		app = fine
	}
	app = validate(app)
	if s.env != nil {
		inner := app
		app = func(ctx context.Context, env bridge.Environ) bridge.Result {
			s.env(env)
			return inner(ctx, env)
		}
	}
	if s.front != nil {
		app = s.front(app)
	}
	r := httptest.NewRequestWithContext(ctx, orDefault(s.method, "POST"), "http://example.org/a/b?q=1", strings.NewReader("hello"))
	r.Header.Set("Content-Length", "5")
	if s.https {
		r = httptest.NewRequestWithContext(ctx, "GET", "https://example.org/a/b", nil)
	}
	func() {
		defer func() { _ = recover() }() // as a server would
		app.ServeHTTP(httptest.NewRecorder(), r)
	}()
	if s.after != nil {
		s.after()
	}
	mu.Lock()
	defer mu.Unlock()
	return found
}

func orDefault(s, byDefault string) string {
	if s == "" {
		return byDefault
	}
	return s
}

// set is a gateway that sets keys of the environ.
func set(pairs ...any) func(bridge.Environ) {
	return func(env bridge.Environ) {
		for i := 0; i < len(pairs); i += 2 {
			env[pairs[i].(string)] = pairs[i+1]
		}
	}
}

// without is one that takes a key away.
func without(key string) func(bridge.Environ) {
	return func(env bridge.Environ) { delete(env, key) }
}

// answers is an App that returns always the same.
func answers(res bridge.Response) bridge.App {
	return func(context.Context, bridge.Environ) bridge.Result { return res }
}

// holds is one with a body in memory, and no headers.
func holds(status int, body string) bridge.App {
	return func(context.Context, bridge.Environ) bridge.Result {
		return bridge.Response{Status: status, Body: strings.NewReader(body)}
	}
}

// says is one with plain text, and headers besides.
func says(status int, pairs ...string) bridge.App {
	return func(context.Context, bridge.Environ) bridge.Result {
		res := bridge.Response{Status: status}
		if status != 204 && status != 304 {
			res = bridge.Text(status, "ok")
		}
		for i := 0; i < len(pairs); i += 2 {
			res.Headers = append(res.Headers, bridge.Header{Name: pairs[i], Value: pairs[i+1]})
		}
		return res
	}
}

// streams is one whose body is made for each response.
func streams(body func() io.Reader, headers ...bridge.Header) bridge.App {
	return func(context.Context, bridge.Environ) bridge.Result {
		return bridge.Response{Status: 200, Headers: append(headers, bridge.Header{Name: "Content-Type", Value: "text/plain"}), Body: body()}
	}
}

// unknownResult is a Result of none of the kinds that there are.
type unknownResult struct{ bridge.Result }

// defers is an App with a Deferred that returns what is said, one thing a call.
func defers(all ...bridge.Result) bridge.App {
	return func(context.Context, bridge.Environ) bridge.Result {
		left := all
		return bridge.Deferred(func() bridge.Result {
			res := left[0]
			left = left[1:]
			return res
		})
	}
}

// changes is middleware that does something with the response.
func changes(f func(bridge.Response) bridge.Response) bridge.Middleware {
	return func(app bridge.App) bridge.App {
		return func(ctx context.Context, env bridge.Environ) bridge.Result {
			return f(app(ctx, env).(bridge.Response))
		}
	}
}

// closable is a body that can be closed, with what that returns.
type closable struct {
	io.Reader
	err error
}

func (c closable) Close() error { return c.err }

func aClosable() io.Reader { return closable{onlyReader{strings.NewReader("ok")}, nil} }

// reads is an App that does something with its input.
func reads(f func(io.Reader)) bridge.App {
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		f(env.Input())
		return fine(ctx, env)
	}
}

func readAll(r io.Reader) { _, _ = io.Copy(io.Discard, onlyReader{r}) }

// steps is a reader whose reads return what is said.
func steps(all ...func([]byte) (int, error)) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if len(all) == 0 {
			return 0, io.EOF
		}
		step := all[0]
		all = all[1:]
		return step(p)
	})
}

func gives(n int, err error) func([]byte) (int, error) {
	return func([]byte) (int, error) { return n, err }
}

// sharedEnviron has a second request run with the environ of the first while that runs, or with its own.
func sharedEnviron(second bool) scene {
	var s scene
	var shared bridge.Environ
	var app bridge.App
	front := func(inner bridge.App) bridge.App {
		app = func(ctx context.Context, env bridge.Environ) bridge.Result {
			if shared == nil {
				shared = env
			} else if !second {
				return inner(ctx, env)
			}
			return inner(ctx, shared)
		}
		return app
	}
	nested := false
	s.front = front
	s.app = func(ctx context.Context, env bridge.Environ) bridge.Result {
		if !nested {
			nested = true
			app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
		}
		return fine(ctx, env)
	}
	return s
}

// sharedBody has a second response with the body of the first while that is sent.
func sharedBody(isShared bool) scene {
	var app bridge.App
	nested := false
	newBody := func() *slowBody {
		b := &slowBody{}
		b.read = func() {
			if !nested {
				nested = true
				app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			}
		}
		return b
	}
	body := newBody()
	return scene{
		front: func(inner bridge.App) bridge.App { app = inner; return inner },
		app: streams(func() io.Reader {
			if isShared {
				return body
			}
			return newBody()
		}),
	}
}

type slowBody struct{ read func() }

func (b *slowBody) Read([]byte) (int, error) { b.read(); return 0, io.EOF }

// inputAlone reads twice, at the same time or not.
func inputAlone(atOnce bool) scene {
	return scene{
		env: func(env bridge.Environ) {
			delete(env, "CONTENT_LENGTH")
			first, second := make(chan struct{}), make(chan struct{})
			calls := make(chan int, 2)
			calls <- 1
			calls <- 2
			env["gwport.input"] = readerFunc(func([]byte) (int, error) {
				if !atOnce {
					return 0, io.EOF
				}
				if <-calls == 1 {
					close(first)
					<-second
				} else {
					<-first
					close(second)
				}
				return 0, io.EOF
			})
		},
		app: func(ctx context.Context, env bridge.Environ) bridge.Result {
			var wg sync.WaitGroup
			read := func() { _, _ = env.Input().Read(make([]byte, 1)) }
			if atOnce {
				wg.Go(read)
			} else {
				read()
			}
			read()
			wg.Wait()
			return fine(ctx, env)
		},
	}
}

// inputLate keeps the input behind the response, or not.
func inputLate(late bool) scene {
	var input io.Reader
	return scene{
		app: reads(func(r io.Reader) { readAll(r); input = r }),
		after: func() {
			if late {
				_, _ = input.Read(make([]byte, 1))
			}
		},
	}
}

// ignores is an App that goes on for so long when its context has ended.
func ignores(d time.Duration) bridge.App {
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		<-ctx.Done()
		time.Sleep(d)
		return fine(ctx, env)
	}
}

// scenes has for each rule that Go looks at a scene that breaks it, and one that is near it and does not.
// Each is made anew for each time it is played.
var scenes = map[string]struct{ breaks, keeps func() scene }{
	"environ.value.text":    {inFront(set("HTTP_X_COUNT", 5)), inFront(set("HTTP_X_COUNT", "5"))},
	"environ.key.own":       {inFront(set("user", "joe")), inFront(set("example.user", 5, "REMOTE_USER", "joe"))},
	"environ.key.reserved":  {inFront(set("gwport.user", "joe")), inFront(set("gwports.user", "joe"))},
	"environ.http.proxy":    {inFront(set("HTTP_PROXY", "x")), inFront(set("HTTP_PROXY_USER", "x"))},
	"environ.http.twin":     {inFront(set("HTTP_CONTENT_LENGTH", "5")), inFront(set("HTTP_CONTENT_LANGUAGE", "5"))},
	"environ.http.value":    {inFront(set("HTTP_X_A", "a\nb")), inFront(set("HTTP_X_A", "a\tb\x7f"))},
	"environ.method.token":  {inFront(without("REQUEST_METHOD")), inFront(set("REQUEST_METHOD", "get"))},
	"environ.script.form":   {inFront(set("SCRIPT_NAME", "a", "gwport.script_name", "a")), inFront(set("SCRIPT_NAME", "/a", "gwport.script_name", "/a"))},
	"environ.path.form":     {inFront(set("PATH_INFO", "*", "gwport.path_info", "*")), inFront(set("PATH_INFO", "*", "gwport.path_info", "*", "REQUEST_METHOD", "OPTIONS"))},
	"environ.path.raw":      {inFront(set("PATH_INFO", "/c")), inFront(set("PATH_INFO", "/c d", "gwport.path_info", "/c%20d"))},
	"environ.query.there":   {inFront(without("QUERY_STRING")), inFront(set("QUERY_STRING", ""))},
	"environ.server.name":   {inFront(set("SERVER_NAME", "example.org:80")), inFront(set("SERVER_NAME", "[::1]"))},
	"environ.port.digits":   {inFront(set("SERVER_PORT", "65536")), inFront(set("SERVER_PORT", "65535", "REMOTE_PORT", "0"))},
	"environ.protocol.form": {inFront(set("SERVER_PROTOCOL", "HTTP/2.")), inFront(set("SERVER_PROTOCOL", "HTTP/2"))},
	"environ.length.digits": {inFront(set("CONTENT_LENGTH", "+5")), inFront(without("CONTENT_LENGTH"))},
	"environ.host.form":     {inFront(set("HTTP_HOST", "joe@example.org")), inFront(set("HTTP_HOST", "[fe80::1]:8080"))},
	"environ.version.pair":  {inFront(set("gwport.version", "1.0")), inFront(set("gwport.version", [2]int{1, 0}))},
	"environ.scheme.name":   {inFront(set("gwport.url_scheme", "wss")), inFront(set("gwport.url_scheme", "https"))},
	"environ.flags.boolean": {inFront(set("gwport.run_once", "no")), inFront(set("gwport.run_once", true))},
	"environ.input.form":    {inFront(set("gwport.input", "hello")), inFront(set("gwport.input", strings.NewReader("hello")))},
	"environ.errors.form":   {inFront(without("gwport.errors")), inFront(set("gwport.errors", io.Discard))},
	"environ.wake.form":     {inFront(without("gwport.wake")), inFront(set("gwport.async", false, "gwport.wake", nil))},
	"environ.fresh":         {func() scene { return sharedEnviron(true) }, func() scene { return sharedEnviron(false) }},

	"input.read.size":  {behind(reads(func(r io.Reader) { _, _ = r.Read(nil) })), behind(reads(func(r io.Reader) { _, _ = r.Read(make([]byte, 1)) }))},
	"input.read.alone": {func() scene { return inputAlone(true) }, func() scene { return inputAlone(false) }},
	"input.read.late":  {func() scene { return inputLate(true) }, func() scene { return inputLate(false) }},
	"input.bytes": {
		inputOf(func() io.Reader { return steps(gives(0, nil), gives(5, io.EOF)) }), inputOf(func() io.Reader { return steps(gives(5, io.EOF)) }),
	},
	"input.length": {
		inputOf(func() io.Reader { return strings.NewReader("hell") }), inputOf(func() io.Reader { return strings.NewReader("hello") }),
	},
	"input.ended": {
		func() scene {
			return scene{env: set("gwport.input", steps(gives(5, io.EOF), gives(1, nil))), app: reads(func(r io.Reader) { readAll(r); readAll(r) })}
		},
		behind(reads(func(r io.Reader) { readAll(r); readAll(r) })),
	},
	"errors.text": {writes("caf\xe9\n"), writes("café\n")},

	"deferred.allowed": {
		func() scene { return scene{env: set("gwport.async", false), app: defers(bridge.Text(200, "ok"))} },
		behind(defers(bridge.Text(200, "ok"))),
	},
	"deferred.answer": {
		behind(defers(unknownResult{bridge.Wait{}})),
		behind(defers(nil, bridge.Text(200, "ok"))),
	},
	"deferred.once": {
		behind(defers(bridge.Deferred(func() bridge.Result { return bridge.Text(200, "ok") }))),
		behind(defers(bridge.Text(200, "ok"))),
	},
	"response.shape":          {behind(func(context.Context, bridge.Environ) bridge.Result { return nil }), behind(answers(bridge.Response{Status: 200}))},
	"response.status.range":   {behind(answers(bridge.Response{Status: 199})), behind(says(999))},
	"response.status.needs":   {behind(says(405)), behind(says(405, "allow", "GET"))},
	"response.reason.control": {behind(answers(bridge.Response{Status: 200, Reason: "a\tb"})), behind(answers(bridge.Response{Status: 200, Reason: "a b"}))},
	"response.header.name":    {behind(says(200, "x y", "1")), behind(says(200, "x_y", "1"))},
	"response.header.value":   {behind(says(200, "x-y", "a\x7fb")), behind(says(200, "x-y", "a\tb"))},
	"response.header.hop":     {behind(says(200, "Keep-Alive", "timeout=5")), behind(says(426, "Upgrade", "TLS/1.3"))},
	"response.header.once":    {behind(says(200, "content-type", "text/html")), behind(says(200, "vary", "a", "Vary", "b"))},
	"response.type.there": {
		behind(holds(200, "x")),
		behind(holds(200, "")),
	},
	"response.type.none":     {behind(says(204, "Content-Type", "text/plain")), behind(says(304))},
	"response.length.digits": {behind(says(200, "Content-Length", "2", "Content-Length", "2")), behind(says(200, "Content-Length", ""))},
	"response.length.none":   {behind(says(204, "Content-Length", "0")), behind(says(304, "Content-Length", "5"))},
	"response.location.form": {behind(says(303, "Location", "/a b")), behind(says(303, "Location", "a%20b?c#d"))},
	"response.cookie.form":   {behind(says(200, "Set-Cookie", "a b=1")), behind(says(200, "Set-Cookie", "a=b c"))},
	"response.cookie.secure": {secure("a=1; Path=/"), secure("a=1; secure")},
	"response.etag.quoted":   {behind(says(200, "ETag", "abc")), behind(says(200, "ETag", `W/"abc"`))},

	"trailers.field": {trails("content-length", "2"), trails("x-checksum", "2")},
	"trailers.when": {
		func() scene {
			s := trails("x-checksum", "2")()
			s.front = changes(func(res bridge.Response) bridge.Response { res.Trailers(); res.Trailers = nil; return res })
			return s
		},
		trails("x-checksum", "2"),
	},

	"body.block": {behind(streams(func() io.Reader { return steps(gives(-1, io.EOF)) })), behind(streams(func() io.Reader { return steps(gives(0, nil), gives(1, io.EOF)) }))},
	"body.length": {
		behind(streams(func() io.Reader { return onlyReader{strings.NewReader("ok")} }, bridge.Header{Name: "Content-Length", Value: "3"})),
		behind(streams(func() io.Reader { return onlyReader{strings.NewReader("ok")} }, bridge.Header{Name: "Content-Length", Value: "2"})),
	},
	"body.none":  {behind(holds(304, "x")), behind(holds(304, ""))},
	"body.fresh": {func() scene { return sharedBody(true) }, func() scene { return sharedBody(false) }},
	"body.close.there": {
		changed(func(res bridge.Response) bridge.Response { res.Body = strings.NewReader("x"); return res }),
		changed(func(res bridge.Response) bridge.Response {
			closeBody(res)
			res.Body = strings.NewReader("x")
			return res
		}),
	},
	"body.close.once": {
		changed(func(res bridge.Response) bridge.Response {
			res.Body = withCloser{strings.NewReader("x"), res.Body}
			closeBody(res)
			return res
		}),
		changed(func(res bridge.Response) bridge.Response {
			res.Body = withCloser{strings.NewReader("x"), res.Body}
			return res
		}),
	},
	"body.close.fails": {
		behind(streams(func() io.Reader { return closable{strings.NewReader("ok"), errors.New("disk on fire")} })), behind(streams(aClosable)),
	},
	"body.read.closed": {
		changed(func(res bridge.Response) bridge.Response {
			closeBody(res)
			readAll(res.Body)
			res.Body = nil
			return res
		}),
		changed(func(res bridge.Response) bridge.Response {
			readAll(res.Body)
			closeBody(res)
			res.Body = nil
			return res
		}),
	},
	"body.read.ended": {
		changed(func(res bridge.Response) bridge.Response { readAll(res.Body); return res }),
		changed(func(res bridge.Response) bridge.Response { _, _ = res.Body.Read(make([]byte, 1)); return res }),
	},
	"body.read.none": {
		func() scene {
			return scene{method: "HEAD", app: streams(aClosable), front: changes(func(res bridge.Response) bridge.Response { readAll(res.Body); return res })}
		},
		func() scene { return scene{method: "HEAD", app: streams(aClosable)} },
	},

	"life.cancel": {
		func() scene { return scene{inTime: true, app: ignores(1001 * time.Millisecond)} },
		func() scene { return scene{inTime: true, app: ignores(999 * time.Millisecond)} },
	},
}

func inFront(env func(bridge.Environ)) func() scene { return func() scene { return scene{env: env} } }

func behind(a bridge.App) func() scene { return func() scene { return scene{app: a} } }

func secure(cookie string) func() scene {
	return func() scene { return scene{https: true, app: says(200, "Set-Cookie", cookie)} }
}

// inputOf is a gateway with another input, which the App reads.
func inputOf(r func() io.Reader) func() scene {
	return func() scene { return scene{env: set("gwport.input", r()), app: reads(readAll)} }
}

func writes(line string) func() scene {
	return func() scene {
		return scene{env: set("gwport.errors", io.Discard), app: func(ctx context.Context, env bridge.Environ) bridge.Result {
			_, _ = io.WriteString(env.Errors(), line)
			return fine(ctx, env)
		}}
	}
}

func trails(name, value string) func() scene {
	return behind(func(context.Context, bridge.Environ) bridge.Result {
		res := bridge.Text(200, "ok")
		res.Trailers = func() []bridge.Header { return []bridge.Header{{Name: name, Value: value}} }
		return res
	})
}

// changed is what middleware makes of a response whose body can be closed.
func changed(f func(bridge.Response) bridge.Response) func() scene {
	return func() scene { return scene{app: streams(aClosable), front: changes(f)} }
}

func closeBody(res bridge.Response) { _ = res.Body.(io.Closer).Close() }

// withCloser closes what it reads.
type withCloser struct {
	io.Reader
	of io.Reader
}

func (c withCloser) Close() error { return c.of.(io.Closer).Close() }

// idsInGo are the rules that Go looks at, as their file has them.
func idsInGo(t *testing.T) (ids []string) {
	t.Helper()
	text, err := os.ReadFile("internal/gateway/rules.txt")
	require.NoError(t, err)
	id := ""
	for line := range strings.Lines(string(text)) {
		switch key, value, _ := strings.Cut(strings.TrimSpace(line), ": "); {
		case key == "rule":
			id = value
		case key == "checked" && strings.Contains(value, "go"):
			ids = append(ids, id)
		}
	}
	return ids
}

func idsOf(found []bridge.Finding) []string {
	ids := []string{}
	for _, f := range found {
		ids = append(ids, f.Rule)
	}
	return ids
}

func TestEachRuleHasAScene(t *testing.T) {
	ids := idsInGo(t)
	require.GreaterOrEqual(t, len(ids), 50)
	for _, id := range ids {
		require.Contains(t, scenes, id)
		require.NotNil(t, scenes[id].breaks, id)
		require.NotNil(t, scenes[id].keeps, id)
	}
	require.Len(t, scenes, len(ids))
}

func TestEachRuleIsBrokenAndKept(t *testing.T) {
	for id, r := range scenes {
		t.Run(id, func(t *testing.T) {
			found := r.breaks().play(t)
			require.Equal(t, []string{id}, idsOf(found))
			for _, f := range found {
				require.Contains(t, []string{"error", "warning"}, f.Severity)
				require.Contains(t, []string{"gateway", "app"}, f.Side)
				require.NotEmpty(t, f.Says)
				require.NotEmpty(t, f.Hint)
				require.NotEmpty(t, f.Where+f.Seen)
			}
			require.Empty(t, r.keeps().play(t))
		})
	}
}

// Each rule is one check of its own: without it, its own scene is not reported, and
// those of all others are.
func TestEachRuleIsLookedAtOnItsOwn(t *testing.T) {
	for id := range maps.Keys(scenes) {
		for other, r := range scenes {
			want := []string{other}
			if other == id {
				want = []string{}
			}
			require.Equal(t, want, idsOf(r.breaks().play(t, id)), "%s without %s", other, id)
		}
	}
}
