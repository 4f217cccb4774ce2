package bridge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

// browser is what a browser's navigation sends.
var browser = bridge.Header{Name: "accept", Value: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

// fails panics in a function of its own, for the stack.
func fails() { panic(errors.New("the kettle <is> empty")) } // the line that the page shows

func failsApp(context.Context, bridge.Environ) bridge.Result {
	fails()
	return nil
}

// Whatever runs the function that panics.
var failing5xx = map[string]http.Handler{
	"handler":         http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fails() }),
	"handler, behind": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a beginning"); fails() }),
	"App":             bridge.App(failsApp),
	"handler as App":  bridge.AppOf(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fails() })),
	"Deferred": bridge.App(func(context.Context, bridge.Environ) bridge.Result {
		return bridge.Deferred(func() bridge.Result { fails(); return nil })
	}),
	"thrown again": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		defer func() { panic(recover()) }()
		fails()
	}),
}

func inDevelopment(t *testing.T, h http.Handler) *bridgetest.Host {
	t.Helper()
	leavesNothing(t)
	return bridgetest.NewWith(t, &bridge.Server{Name: "shop", Handler: h}, bridgetest.Config{Dev: true})
}

// pageOf checks that the response is an error page, and returns it.
func pageOf(t *testing.T, res bridgetest.Response, status int) string {
	t.Helper()
	require.Nil(t, res.Abort)
	require.Equal(t, status, res.Status)
	require.Equal(t, "text/html; charset=utf-8", res.Header("Content-Type"))
	require.Equal(t, "no-store", res.Header("Cache-Control"))
	require.Contains(t, res.Header("Content-Security-Policy"), "default-src 'none'; script-src 'sha256-")
	require.Equal(t, fmt.Sprint(len(res.Body)), res.Header("Content-Length"))
	require.True(t, strings.HasPrefix(string(res.Body), "<!doctype html>\n"))
	require.True(t, strings.HasSuffix(string(res.Body), "</html>\n"))
	return string(res.Body)
}

func TestPanicIsAPageForABrowserInDevelopment(t *testing.T) {
	for name, h := range failing5xx {
		t.Run(name, func(t *testing.T) {
			res := inDevelopment(t, h).Do(bridgetest.Request{Path: "/shop/tea?size=2", PathInfo: 1, Headers: []bridge.Header{browser}})
			page := pageOf(t, res, 500)
			require.Contains(t, page, "<h1>the kettle &lt;is&gt; empty</h1>")
			require.Contains(t, page, "value of type *errors.errorString, at GET /shop/tea?size=2, before it had answered")
			require.Contains(t, page, `<details class="own" open><summary><code>github.com/gwport/gwport/bridge_test.fails</code>`)
			require.Regexp(t, `<mark><b>\d+</b> <span>func fails\(\) \{.*// the line that the page shows</span></mark>\n`, page)
			require.Contains(t, page, `<details class="folded"><summary>`)
			require.Contains(t, page, "<tr><th>SCRIPT_NAME</th><td>/shop</td></tr>\n")
			require.Contains(t, page, "<tr><th>PATH_INFO</th><td>/tea</td></tr>\n")
			require.Contains(t, page, "<tr><th>Accept</th><td>"+browser.Value+"</td></tr>\n")
			require.Regexp(t, `<li class="error">.*bridge: panic serving GET /shop/tea: the kettle &lt;is&gt; empty`, page)
			require.Contains(t, page, "for development: the pool bridgetest has the option dev =&gt; true. In production, which is without that,")
			require.Less(t, len(page), 64<<10)
		})
	}
}

// What the client of a program that is not in development gets, whoever it is, and what others than browsers
// get in development.
func TestPanicIsAPageForNobodyElse(t *testing.T) {
	others := map[string]bridge.Header{
		"nothing": {Name: "x", Value: "y"}, "curl": {Name: "accept", Value: "*/*"}, "json": {Name: "accept", Value: "application/json"},
		"json first":   {Name: "accept", Value: "application/json, text/html"},
		"json rather":  {Name: "accept", Value: "text/html;q=0.8, application/json"},
		"no html":      {Name: "accept", Value: "text/html;q=0"},
		"html by star": {Name: "accept", Value: "text/*"}, "odd": {Name: "accept", Value: ";;q=x,,text/html;q=NaN"},
	}
	plain := func(t *testing.T, res bridgetest.Response) {
		t.Helper()
		require.Nil(t, res.Abort)
		require.Equal(t, 500, res.Status)
		require.Equal(t, "Internal Server Error\n", string(res.Body))
		require.Equal(t, []bridge.Header{
			{Name: "Content-Length", Value: "22"}, {Name: "Content-Type", Value: "text/plain; charset=utf-8"}, {Name: "X-Content-Type-Options", Value: "nosniff"},
		}, res.Headers)
	}
	for name, h := range failing5xx {
		for client, accept := range others {
			t.Run(name+"/"+client, func(t *testing.T) {
				plain(t, inDevelopment(t, h).Do(bridgetest.Request{Headers: []bridge.Header{accept}}))
			})
		}
		t.Run(name+"/production", func(t *testing.T) {
			plain(t, newHostOf(t, &bridge.Server{Handler: h}).Do(bridgetest.Request{Headers: []bridge.Header{browser}}))
		})
	}
}

func TestSecretsAreWithheldOnThePage(t *testing.T) {
	secret := strings.Join([]string{"s3", "cret"}, "") // the page has the lines below
	h := inDevelopment(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		require.Equal(t, "Bearer "+secret, r.Header.Get("Authorization"))
		panic("withheld")
	}))
	page := pageOf(t, h.Do(bridgetest.Request{Path: "/?size=2&access_token=" + secret + "&Pass%57ord=" + secret, Headers: []bridge.Header{
		browser,
		{Name: "authorization", Value: "Bearer " + secret},
		{Name: "cookie", Value: "a=" + secret},
		{Name: "proxy-authorization", Value: secret},
		{Name: "x-api-key", Value: secret},
		{Name: "x-csrf-token", Value: secret},
		{Name: "referer", Value: "https://localhost/?" + secret},
		{Name: "x-plain", Value: "seen"},
	}}), 500)
	require.NotContains(t, page, secret)
	for _, shown := range []string{
		"<th>Authorization</th><td><i>withheld</i></td>", "<th>HTTP_COOKIE</th><td><i>withheld</i></td>", "<th>X-Plain</th><td>seen</td>",
		"<th>QUERY_STRING</th><td>size=2&amp;access_token=(withheld)&amp;Pass%57ord=(withheld)</td>",
		"<th>REQUEST_URI</th><td>/?size=2&amp;access_token=(withheld)&amp;Pass%57ord=(withheld)</td>", "<th>Referer</th><td>https://localhost/?(withheld)</td>",
	} {
		require.Contains(t, page, shown)
	}
}

// A failure that the app has answered itself stays what it is, but for a text of 5xx, or nothing.
func TestAnsweredFailures(t *testing.T) {
	answer := func(status int, header map[string]string, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for name, v := range header {
				w.Header().Set(name, v)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, c := range map[string]struct {
		handler http.Handler
		status  int
		isPage  bool
	}{
		"http.Error":       {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no <tea>", http.StatusServiceUnavailable) }), 503, true},
		"a text":           {answer(500, map[string]string{"Content-Type": "text/plain"}, "no <tea>"), 500, true},
		"a text, sniffed":  {answer(500, nil, "no <tea>"), 500, true},
		"a declared text":  {answer(500, map[string]string{"Content-Length": "8"}, "no <tea>"), 500, true},
		"App":              {bridge.App(func(context.Context, bridge.Environ) bridge.Result { return bridge.Text(502, "no <tea>") }), 502, true},
		"handler as App":   {bridge.AppOf(answer(599, nil, "no <tea>")), 599, true},
		"nothing":          {answer(500, nil, ""), 500, true},
		"not found":        {answer(404, nil, "no <tea>"), 404, false},
		"a page":           {answer(500, nil, "<!doctype html>no"), 500, false},
		"JSON":             {answer(500, map[string]string{"Content-Type": "application/json"}, "{}"), 500, false},
		"compressed":       {answer(500, map[string]string{"Content-Encoding": "x", "Content-Type": "text/plain"}, "no"), 500, false},
		"a file":           {answer(500, map[string]string{"Content-Disposition": "attachment"}, "no"), 500, false},
		"trailers":         {answer(500, map[string]string{"Trailer": "A", http.TrailerPrefix + "A": "b"}, "no"), 500, false},
		"a long text":      {answer(500, nil, strings.Repeat("no ", 10_000)), 500, false},
		"beyond 599":       {answer(600, nil, "no"), 600, false},
		"a text, streamed": {http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); w.(http.Flusher).Flush() }), 500, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := inDevelopment(t, c.handler)
			before := bridgetest.New(t, &bridge.Server{Handler: c.handler}).Do(bridgetest.Request{Headers: []bridge.Header{browser}})
			require.Equal(t, before, h.Do(bridgetest.Request{}))
			res := h.Do(bridgetest.Request{Headers: []bridge.Header{browser}})
			if !c.isPage {
				require.Equal(t, before, res)
				return
			}
			page := pageOf(t, res, c.status)
			require.NotContains(t, page, "<h2>Stack</h2>")
			if len(before.Body) > 0 {
				require.Contains(t, page, "<h1>no &lt;tea&gt;</h1>")
			}
		})
	}
}

func TestFieldsOfAnAnsweredFailureStay(t *testing.T) {
	h := inDevelopment(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		w.Header().Set("Etag", `"1"`)
		http.Error(w, "later", http.StatusServiceUnavailable)
	}))
	res := h.Do(bridgetest.Request{Headers: []bridge.Header{browser}})
	pageOf(t, res, 503)
	require.Equal(t, "7", res.Header("Retry-After"))
	require.Contains(t, res.Headers, bridge.Header{Name: "Set-Cookie", Value: "b=2"})
	require.NotContains(t, res.Headers, bridge.Header{Name: "Content-Security-Policy", Value: "default-src 'self'"})
	require.Empty(t, res.Header("Etag"))
}

func TestHeadHasNoPageButItsLength(t *testing.T) {
	for _, handler := range []http.HandlerFunc{
		func(http.ResponseWriter, *http.Request) { fails() },
		func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) },
	} {
		res := inDevelopment(t, handler).Do(bridgetest.Request{Method: "HEAD", Headers: []bridge.Header{browser}})
		require.Nil(t, res.Abort)
		require.Equal(t, 500, res.Status)
		require.Empty(t, res.Body)
		require.Equal(t, "text/html; charset=utf-8", res.Header("Content-Type"))
	}
}

func TestPanicBehindTheHeadBreaksTheResponseInDevelopmentToo(t *testing.T) {
	res := inDevelopment(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
		fails()
	})).Do(bridgetest.Request{Headers: []bridge.Header{browser}})
	require.Equal(t, 200, res.Status)
	require.NotNil(t, res.Abort)
	require.Equal(t, bridge.CodeInternalError, res.Abort.Code)
	require.Empty(t, res.Body)
}

// ill is a value whose method panics.
type ill struct{}

func (ill) Error() string { panic("within") }

func TestAnyValueCanBeThrown(t *testing.T) {
	for name, v := range map[string]any{
		"ill": ill{}, "long": strings.Repeat("<", 1<<20), "bytes": "\xff\x00\x1b\u202e", "nil map": map[string]int(nil), "page": "</script><!--",
	} {
		t.Run(name, func(t *testing.T) {
			h := inDevelopment(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(v) }))
			for _, window := range []int{0, 1000} {
				res := h.Do(bridgetest.Request{Headers: []bridge.Header{browser}, Window: window})
				require.Nil(t, res.Abort)
				require.NotRegexp(t, regexp.MustCompile("[\x00-\x08\x0b-\x1f\u202e]"), string(res.Body))
				require.Equal(t, 1, strings.Count(string(res.Body), "</script>"))
			}
		})
	}
}

func TestLastLinesOfTheLogAreOnThePage(t *testing.T) {
	h := inDevelopment(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		log := slog.New(bridge.LogHandler())
		for n := range 100 {
			log.WarnContext(r.Context(), "line", "n", n, "text", "a b")
		}
		log.DebugContext(r.Context(), "nobody's")
		fails()
	}))
	page := pageOf(t, h.Do(bridgetest.Request{Headers: []bridge.Header{browser}}), 500)
	lines := regexp.MustCompile(`<li class="warning">.*</span>line stream=256 n=(\d+) text=&#34;a b&#34;</li>`).FindAllStringSubmatch(page, -1)
	require.Len(t, lines, 39)
	require.Equal(t, []string{"61", "99"}, []string{lines[0][1], lines[38][1]})
	require.NotContains(t, page, "nobody's")
}

// The page asks for the program by a field, and the app is not entered for it.
func TestPageAsksWhichProgramRuns(t *testing.T) {
	entered := 0
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { entered++; fails() })
	h := inDevelopment(t, handler)
	page := pageOf(t, h.Do(bridgetest.Request{Headers: []bridge.Header{browser}}), 500)
	mine := regexp.MustCompile(`<meta name="gwport-program" content="([^"]+)" data-method="GET">`).FindStringSubmatch(page)
	require.NotNil(t, mine)
	asks := bridgetest.Request{Headers: []bridge.Header{{Name: "gwport-program", Value: "another"}}}
	res := h.Do(asks)
	require.Equal(t, 204, res.Status)
	require.Equal(t, mine[1], res.Header("Gwport-Program"))
	require.Equal(t, 1, entered)
	// In production it is a field like any other.
	res = bridgetest.New(t, &bridge.Server{Handler: handler}).Do(asks)
	require.Equal(t, 500, res.Status)
	require.Empty(t, res.Header("Gwport-Program"))
	require.Equal(t, 2, entered)
}

func TestStyleOfThePageBeginsAsThatOfTheAppsPages(t *testing.T) {
	theirs, err := os.ReadFile("../apps/page.css")
	require.NoError(t, err)
	ours, err := os.ReadFile("internal/devpage/page.css")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(ours), string(theirs)))
	for _, name := range []string{"page.css", "page.js"} {
		b, err := os.ReadFile("internal/devpage/" + name)
		require.NoError(t, err)
		require.NotRegexp(t, `https?://|@import|url\(|innerHTML`, string(b), "nothing is from outside")
		require.False(t, slices.Contains(b, '<'), "it stands within HTML as it is")
	}
}
