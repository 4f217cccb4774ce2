package apps

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/bridgetest"
)

// What SPEC.md, section 13, says of each path.
func TestCheck_answers_by_its_path(t *testing.T) {
	h := newHost(t)
	do := func(method, path, body string) bridgetest.Response {
		return h.Do(bridgetest.Request{App: CheckName, Method: method, Path: path, Body: []byte(body)})
	}
	require.Equal(t, "some bytes", string(do("POST", "/echo", "some bytes").Body))
	require.Equal(t, "ignored", string(do("POST", "/ignore", strings.Repeat("x", 1000)).Body))
	require.Equal(t, "slept", string(do("GET", "/sleep/1", "").Body))
	require.Equal(t, 299, do("GET", "/status/299", "").Status)
	require.Equal(t, 500, do("GET", "/fail", "").Status)
	require.Equal(t, 404, do("GET", "/else", "").Status)
	for _, path := range []string{"/status/199", "/status/1000", "/bytes/-1", "/sleep/x"} {
		require.Equal(t, 400, do("GET", path, "").Status, path)
	}
	body := do("GET", "/bytes/100000", "").Body
	require.Len(t, body, 100000)
	for i, b := range body {
		require.Equal(t, byte(i%251), b, i)
	}
}

func TestCheck_is_no_app_for_people(t *testing.T) {
	require.Contains(t, Handlers(), CheckName)
	for _, a := range All() {
		require.NotEqual(t, CheckName, a.Name)
	}
}
