package bridge_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
)

// devServer serves as with GWPORT_HTTP, on a free port.
func devServer(t *testing.T, s *bridge.Server, routes string) string {
	t.Helper()
	srv, err := bridge.NewDevServer(s, routes)
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.ErrorIs(t, within(t, served), http.ErrServerClosed)
	})
	return "http://" + ln.Addr().String()
}

// devClients speak HTTP/1.1, and HTTP/2 without TLS.
func devClients(t *testing.T) map[string]*http.Client {
	t.Helper()
	clients := make(map[string]*http.Client)
	for name, set := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) }, "HTTP/2.0": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		transport := &http.Transport{Protocols: new(http.Protocols)}
		set(transport.Protocols)
		t.Cleanup(transport.CloseIdleConnections)
		clients[name] = &http.Client{Transport: transport}
	}
	return clients
}

func fetch(t *testing.T, c *http.Client, method, url, accept string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	require.NoError(t, err)
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	res, err := c.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(b)
}

// where answers with what an app sees of its mount.
func where(name string) bridge.App {
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		return bridge.Text(200, fmt.Sprintf("%s %q %q %v %s", name, env.String("SCRIPT_NAME"), env.String("PATH_INFO"), bridge.Dev(ctx), env.String("SERVER_PROTOCOL")))
	}
}

func TestDevServerMountsAppsAsRoutesDo(t *testing.T) {
	quiet(t)
	one := &bridge.Server{Handler: where("one")}
	alone := &bridge.Server{Apps: map[string]http.Handler{"a": where("a")}}
	many := &bridge.Server{Handler: where("front"), Apps: map[string]http.Handler{"a": where("a"), "b": where("b")}}
	for _, c := range []struct {
		server       *bridge.Server
		routes, path string
		want         string
	}{
		{one, "", "/", `one "" "/"`},
		{one, "", "/x/y", `one "" "/x/y"`},
		{one, "/shop=", "/shop/x", `one "/shop" "/x"`},
		{alone, "", "/a/x", `a "/a" "/x"`},
		{alone, "", "/x", `a "" "/x"`},
		{many, "", "/a", `a "/a" ""`},
		{many, "", "/a/", `a "/a" "/"`},
		{many, "", "/%61/x%2Fy", `a "/a" "/x/y"`},
		{many, "", "/ab", `front "" "/ab"`},
		{many, "", "/a/../b//c", `b "/b" "//c"`},
		{many, "/shop=a,/shop/admin/=b,/=", "/shop/x", `a "/shop" "/x"`},
		{many, "/shop=a, /shop/admin/=b,/=", "/shop/admin/x", `b "/shop/admin" "/x"`},
		{many, "/shop=a,/shop/admin=b,/=", "/a/x", `front "" "/a/x"`},
		{many, "/=a", "/x", `a "" "/x"`},
	} {
		url := devServer(t, c.server, c.routes)
		for proto, client := range devClients(t) {
			req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
			require.NoError(t, err)
			req.URL.Opaque = strings.TrimPrefix(url, "http:") + c.path // as it is
			if proto == "HTTP/2.0" {
				req.URL.Opaque, req.URL.Path, req.URL.RawPath = "", "", ""
				req.URL, err = req.URL.Parse(url + c.path)
				require.NoError(t, err)
				if strings.Contains(c.path, "..") {
					continue // which Parse resolves
				}
			}
			res, err := client.Do(req)
			require.NoError(t, err)
			b, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.NoError(t, res.Body.Close())
			require.Equal(t, proto, res.Proto)
			require.Equal(t, c.want+" true "+strings.TrimSuffix(proto, ".0"), string(b), "%s %q", c.path, c.routes)
		}
	}
}

func TestWrongRoutesOfTheDevServerAreExplained(t *testing.T) {
	many := &bridge.Server{Apps: map[string]http.Handler{"a": where("a"), "b": where("b")}}
	for routes, want := range map[string]string{
		"/x":           `the route "/x" has no =, expected PREFIX=APP, as /shop=shop`,
		",":            `the route "" has no =, expected PREFIX=APP, as /shop=shop`,
		"shop=a":       `the route "shop=a" does not begin with /, expected a path such as /shop in front of the =`,
		"/a=a,/x=c":    `the route "/x=c" names the app "c", which is not there, expected one of a, b`,
		"/a=a,/a/=b":   `the route "/a/=b" is there twice, expected one app for each prefix`,
		"/a/[...]=a":   `the route "/a/[...]=a" has a pattern or a query in its prefix, expected a path such as /shop, which stands for all below it`,
		"/:id=a":       `the route "/:id=a" has a pattern or a query in its prefix, expected a path such as /shop, which stands for all below it`,
		"/a=a,/front=": `the route "/front=" names the app "", which is not there, expected one of a, b`,
	} {
		_, err := bridge.NewDevServer(many, routes)
		require.EqualError(t, err, "bridge: GWPORT_HTTP_ROUTES: "+want)
	}
	_, err := bridge.NewDevServer(&bridge.Server{Handler: where("one")}, "/=one")
	require.EqualError(t, err, `bridge: GWPORT_HTTP_ROUTES: the route "/=one" names the app "one", which is not there, expected none behind the =, because the program has one handler without a name`)
	_, err = bridge.NewDevServer(&bridge.Server{Handler: where("one"), Apps: many.Apps}, "/=one")
	require.ErrorContains(t, err, "expected one of a, b, or none, which is the handler without a name")
}

func TestWrongAddressesAreExplained(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for addr, want := range map[string]string{
		"8080":                  `GWPORT_HTTP is "8080", expected an address and a port, as 127.0.0.1:8080`,
		"127.0.0.1":             `GWPORT_HTTP is "127.0.0.1", expected an address and a port, as 127.0.0.1:8080`,
		"http://localhost:8080": `GWPORT_HTTP is "http://localhost:8080", expected an address and a port, as 127.0.0.1:8080`,
		"127.0.0.1:":            `GWPORT_HTTP is "127.0.0.1:" with the port "", expected a number from 0 to 65535, as in 127.0.0.1:8080`,
		"127.0.0.1:http":        `GWPORT_HTTP is "127.0.0.1:http" with the port "http", expected a number from 0 to 65535, as in 127.0.0.1:8080`,
		"127.0.0.1:65536":       `GWPORT_HTTP is "127.0.0.1:65536" with the port "65536", expected a number from 0 to 65535, as in 127.0.0.1:8080`,
		"192.0.2.1:0":           `GWPORT_HTTP is "192.0.2.1:0", where nobody can listen: `,
		taken.Addr().String():   `where another program listens: end that, or take another port; 0 takes a free one: `,
	} {
		_, err := bridge.ListenHTTP(addr)
		require.ErrorContains(t, err, want)
		require.True(t, strings.HasPrefix(err.Error(), "bridge: "), err)
	}
}

func TestListeningEverywhereIsWarnedOf(t *testing.T) {
	for _, ip := range []net.IP{net.IPv4zero, net.IPv6unspecified} {
		require.Contains(t, bridge.TooOpen(&net.TCPAddr{IP: ip, Port: 8080}), "; 127.0.0.1:8080 is for this machine alone")
	}
	for _, ip := range []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.IPv4(192, 0, 2, 1)} {
		require.Empty(t, bridge.TooOpen(&net.TCPAddr{IP: ip, Port: 8080}))
	}
}

// quiet has the log for the test alone, and nobody else's.
func quiet(t *testing.T) *keptLog {
	t.Helper()
	kept := new(keptLog)
	flags, out, before := log.Flags(), log.Writer(), slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(kept, nil)))
	log.SetFlags(0)
	log.SetOutput(kept)
	t.Cleanup(func() {
		slog.SetDefault(before)
		log.SetFlags(flags)
		log.SetOutput(out)
	})
	return kept
}

// keptLog is what was logged.
type keptLog struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *keptLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *keptLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestDevServerListsAppsWhereNoneIs(t *testing.T) {
	quiet(t)
	url := devServer(t, &bridge.Server{Apps: map[string]http.Handler{"a": where("a"), "b": where("b")}}, "/x<y=a,/b=b")
	for _, client := range devClients(t) {
		res, body := fetch(t, client, "GET", url+"/nowhere", "")
		require.Equal(t, 404, res.StatusCode)
		require.Equal(t, "no app at /nowhere; there are\n  "+url+"/x<y/ a\n  "+url+"/b/ b\n", body)
		res, body = fetch(t, client, "GET", url+"/<nowhere>", browser.Value)
		require.Equal(t, 404, res.StatusCode)
		require.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
		require.Contains(t, body, "<h1>No app at /&lt;nowhere&gt;</h1>")
		require.Contains(t, body, `<tr><th><a href="/x%3Cy/">/x&lt;y/</a></th><td>a</td></tr>`)
		require.Contains(t, body, `<a href="/b/">/b/</a>`)
	}
}

func TestDevServerLogsEachRequest(t *testing.T) {
	kept := quiet(t)
	url := devServer(t, &bridge.Server{Apps: map[string]http.Handler{
		"a": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); _, _ = io.WriteString(w, "12345") }),
		"b": http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		"c": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }),
		"d": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 100_000))
		}),
	}}, "")
	client := devClients(t)["HTTP/1.1"]
	for _, c := range []struct{ path, want string }{
		{"/a/x%20y?secret", `msg="GET /a/x%20y" status=201 bytes=5 duration=`},
		{"/b", `msg="GET /b" status=200 bytes=0 duration=`},
		{"/c", `msg="GET /c" status=500 bytes=22 duration=`},
		{"/d", `msg="GET /d" status=200 bytes=100000 duration=`},
		{"/e", `msg="GET /e" status=404 bytes=`},
	} {
		_, _ = fetch(t, client, "GET", url+c.path, "")
		require.Eventually(t, func() bool { return strings.Contains(kept.text(), c.want) }, soon, 1e6, "%s", c.want)
	}
	require.Contains(t, kept.text(), " app=a\n")
	require.Contains(t, kept.text(), "bridge: panic serving GET /c: boom\ngoroutine ")
	require.NotContains(t, kept.text(), "secret")
}

func TestDevServerShowsFailures(t *testing.T) {
	quiet(t)
	for name, h := range failing5xx {
		t.Run(name, func(t *testing.T) {
			url := devServer(t, &bridge.Server{Name: "shop", Handler: h}, "/shop=")
			for proto, client := range devClients(t) {
				res, body := fetch(t, client, "GET", url+"/shop/tea", browser.Value)
				require.Equal(t, proto, res.Proto)
				require.Equal(t, 500, res.StatusCode)
				require.Equal(t, "text/html; charset=utf-8", res.Header.Get("Content-Type"))
				require.Contains(t, body, "<h1>the kettle &lt;is&gt; empty</h1>")
				require.Contains(t, body, `<details class="own" open><summary><code>github.com/gwport/gwport/bridge_test.fails</code>`)
				require.Contains(t, body, "<tr><th>SCRIPT_NAME</th><td>/shop</td></tr>\n")
				require.Contains(t, body, "with the environment variable GWPORT_HTTP.")
				res, body = fetch(t, client, "GET", url+"/shop/tea", "*/*")
				require.Equal(t, 500, res.StatusCode)
				require.Equal(t, "Internal Server Error\n", body)
				require.Equal(t, "text/plain; charset=utf-8", res.Header.Get("Content-Type"))
				res, body = fetch(t, client, "HEAD", url+"/shop/tea", browser.Value)
				require.Equal(t, 500, res.StatusCode)
				require.Empty(t, body)
				req, err := http.NewRequestWithContext(t.Context(), "GET", url+"/shop/tea", nil)
				require.NoError(t, err)
				req.Header.Set("Gwport-Program", "x")
				res, err = client.Do(req)
				require.NoError(t, err)
				require.NoError(t, res.Body.Close())
				require.Equal(t, 204, res.StatusCode)
				require.NotEmpty(t, res.Header.Get("Gwport-Program"))
			}
		})
	}
}

func TestDevServerShowsAnsweredFailures(t *testing.T) {
	quiet(t)
	url := devServer(t, &bridge.Server{Apps: map[string]http.Handler{
		"text": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			http.Error(w, "no <tea>", http.StatusServiceUnavailable)
			w.Header().Set("X-Late", "1")
		}),
		"html":    http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); _, _ = io.WriteString(w, "<html>no") }),
		"flushed": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); w.(http.Flusher).Flush() }),
		"nothing": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }),
	}}, "")
	for _, client := range devClients(t) {
		res, body := fetch(t, client, "GET", url+"/text", browser.Value)
		require.Equal(t, 503, res.StatusCode)
		require.Equal(t, "7", res.Header.Get("Retry-After"))
		require.Empty(t, res.Header.Get("X-Late"))
		require.Contains(t, body, "<h1>no &lt;tea&gt;</h1>")
		res, body = fetch(t, client, "GET", url+"/text", "")
		require.Equal(t, "no <tea>\n", body)
		require.Equal(t, "7", res.Header.Get("Retry-After"))
		_, body = fetch(t, client, "GET", url+"/html", browser.Value)
		require.Equal(t, "<html>no", body)
		_, body = fetch(t, client, "GET", url+"/flushed", browser.Value)
		require.Empty(t, body)
		_, body = fetch(t, client, "GET", url+"/nothing", browser.Value)
		require.Contains(t, body, "<h1>An answer without a body</h1>")
	}
}

func TestDevServerBreaksWhatPanicsBehindTheHead(t *testing.T) {
	quiet(t)
	url := devServer(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/abort" {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, "a beginning")
		_ = http.NewResponseController(w).Flush()
		panic("too late")
	})}, "")
	for _, client := range devClients(t) {
		req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		require.NoError(t, err)
		req.Header.Set("Accept", browser.Value)
		res, err := client.Do(req)
		require.NoError(t, err)
		_, err = io.ReadAll(res.Body)
		require.Error(t, err)
		require.NoError(t, res.Body.Close())
		req, err = http.NewRequestWithContext(t.Context(), "GET", url+"/abort", nil)
		require.NoError(t, err)
		_, err = client.Do(req) //nolint:bodyclose // there is none
		require.Error(t, err)
	}
}

// What a handler can ask its writer for is what it can under net/http, but for a Pusher, as behind a host.
func TestWritersOfTheDevServerCanWhatNetHTTPsCan(t *testing.T) {
	quiet(t)
	seen := make(chan map[string]bool, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		can := make(map[string]bool)
		for name, has := range abilities {
			can[name] = has(w)
		}
		seen <- can
	})
	theirs := httptest.NewUnstartedServer(handler)
	theirs.Config.Protocols = new(http.Protocols)
	theirs.Config.Protocols.SetHTTP1(true)
	theirs.Config.Protocols.SetUnencryptedHTTP2(true)
	theirs.Start()
	defer theirs.Close()
	ours := devServer(t, &bridge.Server{Handler: handler}, "")
	for proto, client := range devClients(t) {
		_, _ = fetch(t, client, "GET", theirs.URL, "")
		want := within(t, seen)
		want["Unwrap"], want["Pusher"] = true, false
		_, _ = fetch(t, client, "GET", ours, "")
		require.Equal(t, want, within(t, seen), proto)
	}
}

// A handler that does everything which a writer can do is answered as under net/http.
func TestDevServerKeepsWhatHandlersDo(t *testing.T) {
	quiet(t)
	file := t.TempDir() + "/file"
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("0123456789", 10_000)), 0o600))
	for name, handler := range map[string]http.HandlerFunc{
		"file":    func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) },
		"nothing": func(http.ResponseWriter, *http.Request) {},
		"empty":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"small":   func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "small") },
		"late":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202); w.Header().Set("X-Late", "1") },
		"trailers": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "A")
			_, _ = io.WriteString(w, "x")
			w.Header().Set("A", "b")
		},
		"unplanned": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "x")
			w.Header().Set(http.TrailerPrefix+"A", "b")
		},
		"pieces": func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				_, _ = io.WriteString(w, strings.Repeat("x", 1000))
			}
		},
		"hints": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</x>")
			w.WriteHeader(103)
			w.WriteHeader(200)
		},
		"copied": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "x")
			_, _ = io.Copy(w, strings.NewReader(strings.Repeat("y", 50_000)))
		},
	} {
		theirs := httptest.NewUnstartedServer(handler)
		theirs.Config.Protocols = new(http.Protocols)
		theirs.Config.Protocols.SetHTTP1(true)
		theirs.Config.Protocols.SetUnencryptedHTTP2(true)
		theirs.Start()
		defer theirs.Close()
		ours := devServer(t, &bridge.Server{Handler: handler}, "")
		for proto, client := range devClients(t) {
			want, wantBody := fetch(t, client, "GET", theirs.URL, "")
			got, gotBody := fetch(t, client, "GET", ours, "")
			want.Header.Del("Date")
			got.Header.Del("Date")
			require.Equal(t, want.StatusCode, got.StatusCode, "%s %s", name, proto)
			require.Equal(t, wantBody, gotBody, "%s %s", name, proto)
			require.Equal(t, want.Header, got.Header, "%s %s", name, proto)
			require.Equal(t, want.Trailer, got.Trailer, "%s %s", name, proto)
		}
	}
}

func TestDevServerHandsConnectionsOver(t *testing.T) {
	kept := quiet(t)
	url := devServer(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(conn, "you said "+line)
	})}, "")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello\n")
	require.NoError(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "you said hello\n", line)
	require.Eventually(t, func() bool { return strings.Contains(kept.text(), `msg="GET /" status=101 `) }, soon, 1e6)
}
