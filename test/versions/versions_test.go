package versions

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/test/cowboy"
)

const (
	startLimit   = 3 * time.Minute
	requestLimit = 30 * time.Second
)

// A pair is a program under a host.
type pair struct {
	program, host string
}

// Each case is run with both halves of today, too: what fails there is not about versions.
func TestVersions(t *testing.T) {
	old := olderTree(t)
	programs := map[string]string{"old": build(t, old), "new": build(t, "")}
	trees := map[string]string{"old": old, "new": ""}
	for _, p := range []pair{{"new", "new"}, {"old", "new"}, {"new", "old"}} {
		t.Run(p.program+" program under "+p.host+" host", func(t *testing.T) {
			t.Parallel()
			if p.host == "old" && otp(t.Context(), t) > newestForOlder {
				t.Skipf("Erlang/OTP %d is the newest that compiles the older host", newestForOlder)
			}
			s := start(t, cowboy.Options{Tree: trees[p.host], Program: []string{programs[p.program], p.program}})
			require.Equal(t, p.program, s.get("/who").body)
			beam, err := s.Eval(t.Context(), `unicode:characters_to_binary(code:which(gwport))`)
			require.NoError(t, err)
			require.Equal(t, p.host == "old", inside(t, string(beam), old), string(beam))
			runCases(t, s)
		})
	}
}

func inside(t *testing.T, file, dir string) bool {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	file, err = filepath.EvalSymlinks(file)
	require.NoError(t, err)
	return filepath.HasPrefix(file, dir) //nolint:staticcheck // both are clean
}

// A site is a server as one mount and one protocol show it.
type site struct {
	*cowboy.Server
	t      *testing.T
	mount  cowboy.Mount
	http2  bool
	client *http.Client
}

func start(t *testing.T, options cowboy.Options) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startLimit)
	defer cancel()
	server, err := cowboy.Start(ctx, options)
	require.NoError(t, err)
	t.Cleanup(func() {
		server.Stop()
		if t.Failed() {
			log := server.Log()
			t.Logf("the end of the BEAM's log:\n%s", log[max(0, len(log)-4000):])
		}
	})
	return (&site{Server: server}).seen(t, cowboy.Route, false)
}

// seen is the same server by a mount and a protocol.
func (s *site) seen(t *testing.T, mount cowboy.Mount, http2 bool) *site {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetUnencryptedHTTP2(http2)
	transport := &http.Transport{Protocols: protocols, ExpectContinueTimeout: requestLimit}
	t.Cleanup(transport.CloseIdleConnections)
	return &site{s.Server, t, mount, http2, &http.Client{Transport: transport, Timeout: requestLimit}}
}
