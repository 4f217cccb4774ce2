package thirdparty

import (
	"crypto/md5" // digest authentication is made of it
	"encoding/hex"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
	"github.com/stretchr/testify/require"
)

func init() {
	apps["httpbin"] = func(string) http.Handler {
		return httpbin.New(httpbin.WithMaxDuration(2*time.Second), httpbin.WithMaxBodySize(1<<20),
			httpbin.WithHostname("a-host"), httpbin.WithEnv(map[string]string{"HTTPBIN_A": "b"}))
	}
}

// The parts of answers that are a time, or random, by what stands in their place.
var variable = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`"(id|timestamp)":\d+,"timestamp":\d+`), "TIMESTAMP"},
	{regexp.MustCompile(`"timestamp":\d+`), "TIMESTAMP"},
	{regexp.MustCompile(`"timestamp":"[^"]*"`), "TIMESTAMP"},
	{regexp.MustCompile(`nonce="?[0-9a-f]+"?|opaque="?[0-9a-f]+"?`), "NONCE"},
	{regexp.MustCompile(`total_duration;dur=[0-9.]+`), "total_duration"},
	{regexp.MustCompile(`Expires=[^;]*;`), "Expires"},
	{regexp.MustCompile(`--[0-9a-f]{60}`), "--BOUNDARY"},
	{regexp.MustCompile(`boundary=[0-9a-f]{60}`), "boundary=BOUNDARY"},
}

func steady(s string) string {
	for _, v := range variable {
		s = v.pattern.ReplaceAllString(s, v.instead)
	}
	return s
}

// bin is a request and the status that net/http's answer has.
type bin struct {
	status  int
	request string // a method, unless GET, and a target
	fields  []string
	body    string
}

func digest(qop, user, password, target string) string {
	sum := func(parts ...string) string {
		h := md5.Sum([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h[:])
	}
	const nonce, count, client = "0123456789abcdef", "00000001", "abc"
	response := sum(sum(user, "go-httpbin", password), nonce, count, client, qop, sum("GET", target))
	return `Digest username="` + user + `", realm="go-httpbin", nonce="` + nonce + `", uri="` + target + `", qop=` + qop +
		`, nc=` + count + `, cnonce="` + client + `", response="` + response + `", algorithm=MD5`
}

var bins = []bin{
	{200, "/", nil, ""},
	{404, "/nothing", nil, ""},
	{200, "/encoding/utf8", nil, ""},
	{200, "/forms/post", nil, ""},
	{200, "/get?a=1&a=2&b=%20%2B+", []string{"X-One", "1", "Accept", "*/*"}, ""},
	{200, "/get?a=%zz", nil, ""},
	{400, "/websocket/echo", nil, ""},
	{200, "HEAD /head", nil, ""},
	{200, "HEAD /get", nil, ""},
	{405, "POST /get", nil, "x"},
	{200, "DELETE /delete", nil, ""},
	{200, "DELETE /delete", nil, "with a body"},
	{200, "PATCH /patch", []string{"Content-Type", "application/json"}, `{"a": [1, 2]}`},
	{400, "POST /post", []string{"Content-Type", "application/json"}, `{"a": `},
	{200, "POST /post", []string{"Content-Type", "application/x-www-form-urlencoded"}, "a=1&a=2&c=%C3%A9"},
	{200, "POST /post", []string{"Content-Type", "multipart/form-data; boundary=b"}, "--b\r\nContent-Disposition: form-data; " +
		"name=\"f\"; filename=\"x\"\r\n\r\nfile\r\n--b\r\nContent-Disposition: form-data; name=\"v\"\r\n\r\nvalue\r\n--b--\r\n"},
	{200, "POST /post", []string{"Content-Type", "application/octet-stream"}, "\x00\x01\xff"},
	{200, "PUT /put", []string{"Content-Type", "text/plain"}, strings.Repeat("text ", 50_000)},
	{400, "PUT /put", []string{"Content-Type", "text/plain"}, strings.Repeat("x", 1<<20+1)},
	{302, "/absolute-redirect/1", nil, ""},
	{302, "/absolute-redirect/3", nil, ""},
	{200, "BREW /anything?x=y", []string{"Cookie", "a=b; c=d"}, "z"},
	{307, "/anything/a%2Fb//c?x", nil, ""},
	{200, "/anything/a%2Fb/%5B%22?x", nil, ""},
	{200, "/base64/aGVsbG8=", nil, ""},
	{400, "/base64/decode/_-%25", nil, ""},
	{200, "/base64/encode/hello", nil, ""},
	{200, "/base64/decode/AP8=?content-type=image/x", nil, ""},
	{401, "/basic-auth/u/p", nil, ""},
	{200, "/basic-auth/u/p", []string{"Authorization", "Basic dTpw"}, ""},
	{401, "/bearer", nil, ""},
	{200, "/bearer", []string{"Authorization", "Bearer t"}, ""},
	{200, "/bytes/1000?seed=1", nil, ""},
	{200, "/bytes/100000?seed=1", nil, ""},
	{400, "/bytes/x", nil, ""},
	{200, "/cache", nil, ""},
	{304, "/cache", []string{"If-None-Match", "x"}, ""},
	{200, "/cache/60", nil, ""},
	{200, "/cookies", []string{"Cookie", "a=1; b=\"2 3\"; c"}, ""},
	{302, "/cookies/delete?a", nil, ""},
	{302, "/cookies/set?a=1", nil, ""},
	{200, "/deflate", nil, ""},
	{200, "/delay/0.05", nil, ""},
	{400, "/delay/99", nil, ""},
	{200, "/deny", nil, ""},
	{401, "/digest-auth/auth/u/p", nil, ""},
	{200, "/digest-auth/auth/u/p", []string{"Authorization", digest("auth", "u", "p", "/digest-auth/auth/u/p")}, ""},
	{401, "/digest-auth/auth/u/p/SHA-256", nil, ""},
	{400, "/digest-auth/auth/u/p/x", nil, ""},
	{203, "/drip?duration=100ms&numbytes=5&code=203&delay=10ms", nil, ""},
	{200, "/drip?duration=0&numbytes=50000&delay=0", nil, ""},
	{200, "/dump/request?a", []string{"X-One", "1"}, ""},
	{200, "POST /dump/request", nil, "to be dumped"},
	{200, "/env", nil, ""},
	{200, "/etag/x", nil, ""},
	{304, "/etag/x", []string{"If-None-Match", `"x"`}, ""},
	{412, "/etag/x", []string{"If-Match", `"y"`}, ""},
	{206, "/etag/x", []string{"Range", "bytes=0-1"}, ""},
	{200, "/gzip", nil, ""},
	{200, "/headers", []string{"X-Odd", "a, b", "X-Empty", "", "X-Utf", "é"}, ""},
	{404, "/hidden-basic-auth/u/p", nil, ""},
	{200, "/hidden-basic-auth/u/p", []string{"Authorization", "Basic dTpw"}, ""},
	{200, "/hostname", nil, ""},
	{200, "/html", nil, ""},
	{200, "/image", []string{"Accept", "image/webp"}, ""},
	{415, "/image", []string{"Accept", "text/plain"}, ""},
	{200, "/image/png", nil, ""},
	{404, "/image/x", nil, ""},
	{200, "/ip", []string{"X-Forwarded-For", "192.0.2.1"}, ""},
	{200, "/json", nil, ""},
	{200, "/jsonl?count=3&duration=10ms", nil, ""},
	{302, "/links/5", nil, ""},
	{200, "/links/5/2", nil, ""},
	{200, "/range/100", nil, ""},
	{206, "/range/100", []string{"Range", "bytes=10-20"}, ""},
	{206, "/range/100", []string{"Range", "bytes=0-1,5-6"}, ""},
	{416, "/range/100", []string{"Range", "bytes=200-"}, ""},
	{200, "HEAD /range/100", nil, ""},
	{302, "/redirect-to?url=http%3A%2F%2Fx.test%2F", nil, ""},
	{307, "POST /redirect-to?url=/get&status_code=307", nil, ""},
	{302, "/redirect/2", nil, ""},
	{302, "/relative-redirect/2", nil, ""},
	{200, "/response-headers?X-A=1&X-A=2&Content-Type=text%2Fplain", nil, ""},
	{200, "/robots.txt", nil, ""},
	{200, "/sse?count=3&duration=30ms&delay=1ms", []string{"Te", "trailers"}, ""},
	{204, "/status/204", nil, ""},
	{304, "/status/304", nil, ""},
	{418, "/status/418", nil, ""},
	{401, "/status/401", nil, ""},
	{599, "/status/599", nil, ""},
	{302, "HEAD /status/302", nil, ""},
	{200, "/stream-bytes/100000?seed=1&chunk_size=3000", nil, ""},
	{200, "/stream/5", nil, ""},
	{200, "/trailers?a=1&b=2", []string{"Te", "trailers"}, ""},
	{500, "/unstable?seed=1&failure_rate=1", nil, ""},
	{200, "POST /upload", []string{"Content-Type", "application/octet-stream"}, strings.Repeat("u", 500_000)},
	{200, "PUT /upload", nil, "x"},
	{200, "PATCH /upload", nil, "x"},
	{200, "/user-agent", []string{"User-Agent", "an agent"}, ""},
	{200, "/uuid", nil, ""},
	{200, "/version", nil, ""},
	{200, "/xml", nil, ""},
	{501, "/brotli", nil, ""},
	{200, "OPTIONS /get", []string{"Origin", "http://a.test", "Access-Control-Request-Method", "PUT"}, ""},
}

func (b bin) send() request {
	method, target, found := strings.Cut(b.request, " ")
	if !found {
		method, target = "GET", b.request
	}
	r := request{method: method, path: target, header: fields(b.fields)}
	if b.body != "" {
		r.body = strings.NewReader(b.body)
	}
	return r
}

// upgrade is how a WebSocket client begins.
var upgrade = []string{
	"Connection", "Upgrade", "Upgrade", "websocket", "Sec-Websocket-Version", "13", "Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ==",
}

func TestHTTPBin(t *testing.T) {
	compare(t, "httpbin", func(c *client) {
		for _, b := range bins {
			a := c.ask(b.status, b.send())
			a.Body = steady(a.Body)
			for _, header := range []map[string]string{a.Header, a.Trailer} {
				for name, value := range header {
					header[name] = steady(value)
				}
			}
			if strings.HasSuffix(b.request, "/cache") {
				delete(a.Header, "last-modified")
				delete(a.Header, "etag")
			}
			if strings.Contains(b.request, "/etag/") {
				delete(a.Header, "last-modified")
			}
			c.note(strings.Join(append([]string{b.request}, b.fields...), " "), a)
		}
		if c.protocol == "h1" {
			c.note("websocket", c.ask(101, request{path: "/websocket/echo", header: fields(upgrade)}))
		}
	})
}

// The list above has a request for each pattern that the package registers.
func TestHTTPBinHasNoOtherEndpoint(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", "{{.Dir}}", "github.com/mccutchen/go-httpbin/v2/httpbin").Output()
	require.NoError(t, err)
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "httpbin.go"))
	require.NoError(t, err)
	patterns := regexp.MustCompile(`mux\.Handle(?:Func)?\("([^"]+)"`).FindAllSubmatch(source, -1)
	require.Greater(t, len(patterns), 50)
	asked := make(map[string]bool)
	mux := http.NewServeMux()
	for _, pattern := range patterns {
		mux.HandleFunc(string(pattern[1]), func(http.ResponseWriter, *http.Request) {})
	}
	for _, b := range bins {
		r := b.send()
		req, err := http.NewRequestWithContext(t.Context(), r.method, "http://httpbin.test"+r.path, io.NopCloser(nil))
		require.NoError(t, err)
		_, pattern := mux.Handler(req)
		asked[pattern] = true
	}
	for _, pattern := range patterns {
		require.True(t, asked[string(pattern[1])], "nothing asks %s", pattern[1])
	}
}
