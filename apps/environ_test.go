package apps

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEnviron_shows_both_forms_of_the_request(t *testing.T) {
	w := ask(http.HandlerFunc(environ), "GET", "/environ/a%2Fb?q=1", "X-Thing", "some value")
	require.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
	for _, line := range []string{
		"REQUEST_METHOD: GET\n", "QUERY_STRING: q=1\n", "HTTP_X_THING: some value\n", "gwport.url_scheme: http\n",
		"URL: /environ/a%2Fb?q=1\n", "URL.Path: /environ/a/b\n", "URL.RawPath: /environ/a%2Fb\n", "TLS: no\n",
		"Context deadline: none\n", "ContentLength: 0\n", "Header: X-Thing\n",
	} {
		require.Contains(t, w.Body.String(), line)
	}
}

func TestEnviron_escapes_what_the_client_wrote(t *testing.T) {
	const evil = `<script>alert("x")</script>`
	w := ask(http.HandlerFunc(environ), "GET", "/environ?"+`<script>`, "Accept", "text/html", "X-Evil", evil)
	require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	require.Contains(t, w.Body.String(), "<th>HTTP_X_EVIL</th><td>&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;</td>")
	require.NotContains(t, w.Body.String(), "<script>")
}

func TestRequestFields_of_TLS_and_deadline(t *testing.T) {
	deadline := time.Date(2030, 1, 2, 3, 4, 5, 6e6, time.UTC)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	r := httptest.NewRequest("GET", "https://example.org/", nil).WithContext(ctx)
	r.TLS = &tls.ConnectionState{}
	fields := requestFields(r)
	require.Contains(t, fields, field{"TLS", "yes, 0 client certificates"})
	require.Contains(t, fields, field{"Context deadline", "03:04:05.006 UTC"})
}
