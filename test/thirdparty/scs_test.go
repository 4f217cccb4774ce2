package thirdparty

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/stretchr/testify/require"
)

func init() { apps["scs"] = newSessions }

func newSessions(string) http.Handler {
	sessions := scs.New()
	sessions.Lifetime = time.Hour
	sessions.Cookie.Persist = true
	sessions.Cookie.SameSite = http.SameSiteStrictMode
	sessions.ErrorFunc = func(w http.ResponseWriter, _ *http.Request, err error) {
		log.New(io.Discard, "", 0).Print(err)
		http.Error(w, "session: "+err.Error(), 500)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/put", func(_ http.ResponseWriter, r *http.Request) {
		sessions.Put(r.Context(), "word", r.URL.Query().Get("word"))
	})
	mux.HandleFunc("/get", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q %v", sessions.GetString(r.Context(), "word"), sessions.Keys(r.Context()))
	})
	mux.HandleFunc("/pop", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q", sessions.PopString(r.Context(), "word"))
	})
	mux.HandleFunc("/renew", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, sessions.RenewToken(r.Context()))
	})
	mux.HandleFunc("/destroy", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, sessions.Destroy(r.Context()))
	})
	// The cookie goes out with the first byte, and so before what is put afterwards.
	mux.HandleFunc("/flush", func(w http.ResponseWriter, r *http.Request) {
		sessions.Put(r.Context(), "word", "flushed")
		w.Header().Add("Vary", "X-Other")
		err := http.NewResponseController(w).Flush()
		fmt.Fprint(w, "flush: ", err)
	})
	return sessions.LoadAndSave(mux)
}

var (
	sessionToken = regexp.MustCompile(`session=[^;]{43};`)
	expires      = regexp.MustCompile(`Expires=[^;]*;|Max-Age=\d+;`)
)

func TestSessions(t *testing.T) {
	compare(t, "scs", func(c *client) {
		tokens := make(map[string]bool)
		token := ""
		for _, path := range []string{
			"/get", "/put?word=tea", "/get", "/renew", "/get", "/pop", "/get", "/flush", "/get", "/put?word=x", "/destroy", "/get",
		} {
			header := make(http.Header)
			if token != "" {
				header.Set("Cookie", token+" other=1")
			}
			a := c.ask(200, request{path: path, header: header})
			if set := sessionToken.FindString(a.Header["set-cookie"]); set != "" {
				token = set
				tokens[token] = true
			}
			a.Header["set-cookie"] = expires.ReplaceAllString(
				sessionToken.ReplaceAllString(a.Header["set-cookie"], "session=TOKEN;"), "TIME;")
			c.note(path, a)
		}
		require.NotEmpty(c.t, tokens)
		c.note("tokens", len(tokens))
	})
}
