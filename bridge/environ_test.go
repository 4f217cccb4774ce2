package bridge

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
	"github.com/gwport/gwport/etf"
)

type vector struct {
	name         string
	request, env string
}

// vectors reads the file that the Erlang side reads too.
func vectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("../test/vectors/environ.txt")
	require.NoError(t, err)
	var all []vector
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch key {
		case "case":
			all = append(all, vector{name: value})
		case "open":
			all[len(all)-1].request = unhex(t, value)
		case "env":
			all[len(all)-1].env = unhex(t, value)
		}
	}
	require.GreaterOrEqual(t, len(all), 40)
	return all
}

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return string(b)
}

func TestEnvironIsTheOneOfTheVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			q, err := wire.DecodeRequest(v.request)
			require.NoError(t, err)
			want, err := etf.Decode([]byte(v.env), etf.Limits{})
			require.NoError(t, err)
			require.Equal(t, environOfTerm(want.(etf.Map)), (&request{q}).environ())
		})
	}
}

func environOfTerm(m etf.Map) Environ {
	env := Environ{}
	for _, p := range m {
		switch v := p.Value.(type) {
		case etf.Binary:
			env[string(p.Key.(etf.Binary))] = string(v)
		case etf.Tuple:
			env[string(p.Key.(etf.Binary))] = [2]int{int(v[0].(int64)), int(v[1].(int64))}
		}
	}
	return env
}

// The environ that a handler gets is made of its *http.Request, and must not
// differ from the one that is made of what was forwarded.
func TestEnvironOfTheHandlersRequestIsTheSame(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			q, err := wire.DecodeRequest(v.request)
			require.NoError(t, err)
			x := newExchange(nil, &wire.Hello{}, &wire.Open{Request: q}, nil)
			defer x.cancel(nil)
			r, err := x.newRequest()
			if err != nil {
				require.Contains(t, v.name, "percent_without_digits")
				return
			}
			got := EnvironOf(r)
			for key, want := range x.request.environ() {
				require.Equal(t, want, got[key], key)
			}
			require.Len(t, got, len(x.request.environ())+6, "and the values of Go itself")
		})
	}
}

// The bridge keeps the gateway's rules, whatever a client sends.
func TestEnvironKeepsTheGatewaysRules(t *testing.T) {
	var found []Finding
	validate := Validate(Validation{Report: func(_ context.Context, f Finding) { found = append(found, f) }})
	app := validate(func(context.Context, Environ) Result { return Text(200, "") })
	for _, v := range vectors(t) {
		q, err := wire.DecodeRequest(v.request)
		require.NoError(t, err)
		env := (&request{q}).environ()
		for key, value := range EnvironOf(httptest.NewRequest("POST", "/", strings.NewReader(""))) {
			if _, isText := value.(string); !isText {
				env[key] = value
			}
		}
		app(t.Context(), env)
		require.Empty(t, found, v.name)
	}
}

func TestEnvironOfAPlainRequest(t *testing.T) {
	var env Environ
	app := App(func(_ context.Context, e Environ) Result { env = e; return Text(200, "") })
	r := httptest.NewRequest("POST", "http://example.org:8080/app/a%2Fb/?q=1", strings.NewReader("hi"))
	r.Header.Set("Content-Type", "text/plain")
	http.StripPrefix("/app", app).ServeHTTP(httptest.NewRecorder(), r)

	require.Equal(t, "/app", env["SCRIPT_NAME"])
	require.Equal(t, "/a/b/", env["PATH_INFO"])
	require.Equal(t, "/a%2Fb/", env["gwport.path_info"])
	require.Equal(t, "text/plain", env.Header("Content-Type"))
	require.Equal(t, "8080", env["SERVER_PORT"])
	require.Equal(t, "POST", env.Method())
	require.Equal(t, true, env["gwport.multithread"])
	require.Equal(t, [2]int{1, 0}, env["gwport.version"])
}
