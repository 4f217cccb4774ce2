package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	served, err := servedAs(os.Args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if !served {
		os.Exit(m.Run())
	}
}

// Each case has the same verdict under net/http and by both mounts, and the verdicts are those that README has.
func TestEveryCaseHasTheSameVerdict(t *testing.T) {
	s, err := newStand(t.Context(), 0)
	require.NoError(t, err)
	t.Cleanup(s.stop)
	rows := run(s.addrs, handlers, allCases(fewMessages), func(r row) {
		assert.True(t, r.same(), "%s", difference(r))
	})
	var found bytes.Buffer
	report(&found, rows)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```\n"+found.String()+"```\n", "README's table is what was found")
	// Whatever the client did, no connection has failed for gwport.
	want := fmt.Sprintf("{%d,0,#{}}", 2*len(rows))
	assert.Eventually(t, func() bool { return counted(t, s) == want }, caseLimit, 50*time.Millisecond, want)
	if t.Failed() {
		log := s.cowboy.Log()
		t.Logf("the end of the BEAM's log:\n%s", log[max(0, len(log)-2000):])
	}
}

// counted are the connections that were taken over, those that are open, and failures by reason.
func counted(t *testing.T, s *stand) string {
	t.Helper()
	counts, err := s.cowboy.Eval(t.Context(), `{ok, #{responses := #{1 := N}, failures := F}} = gwport:counts(app),
		{ok, [#{in_flight := Open}]} = gwport:info(app), {N, Open, F}`)
	require.NoError(t, err)
	return string(counts)
}

// No case of the suite is left out, and none is there twice.
func TestTheSuiteIsWhole(t *testing.T) {
	ids, counts := make(map[string]bool), make(map[int]int)
	for _, one := range allCases(fewMessages) {
		require.False(t, ids[one.id], one.id)
		ids[one.id] = true
		counts[one.chapter()]++
	}
	total := 0
	for _, c := range chapters {
		require.Equal(t, c.cases, counts[c.number], c.name)
		total += c.cases
	}
	require.Len(t, counts, len(chapters))
	require.Equal(t, 517, total)
}

// Idle connections are measured, and each is of use behind the measurement.
func TestIdleConnectionsAreMeasured(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, measureIdle(t.Context(), &out, 20))
	for _, server := range serverNames {
		for _, handler := range []string{"/gorilla", "/coder"} {
			require.Regexp(t, server+` +`+handler+`( +-?\d+){5}\n`, out.String())
		}
	}
}

// A server that is wrong has the verdict for it.
func TestVerdicts(t *testing.T) {
	const limit = 500 * time.Millisecond // of those that leave the client waiting
	byCode := "\x03\xe8"                 // 1000
	for name, one := range map[string]struct {
		id   string
		want result
		says []string // by the server, and then it ends the connection
		hang bool     // or does not
	}{
		"passes":                   {"1.1.2", result{passed, passed, 1000}, []string{plain(0x81, filler(125)), plain(0x88, byCode)}, false},
		"other octets":             {"1.1.2", result{failed, passed, 1000}, []string{plain(0x81, filler(124)+"!"), plain(0x88, byCode)}, false},
		"another kind":             {"1.1.2", result{failed, passed, 1000}, []string{plain(0x82, filler(125)), plain(0x88, byCode)}, false},
		"an echo too many":         {"7.1.1", result{failed, passed, 1000}, []string{plain(0x81, "Hello, world!"), plain(0x81, ""), plain(0x88, byCode)}, false},
		"a masked frame":           {"2.1", result{failed, unclean, 0}, []string{"\x8a\x80\x00\x00\x00\x00"}, false},
		"a reserved bit":           {"2.1", result{failed, unclean, 0}, []string{plain(0xca, "")}, false},
		"a ping to be continued":   {"2.1", result{failed, unclean, 0}, []string{plain(0x0a, "")}, false},
		"a longer length than due": {"1.1.1", result{failed, unclean, 0}, []string{"\x81\x7e\x00\x00"}, false},
		"nothing":                  {"7.1.1", result{failed, failed, 0}, nil, false},
		"no close":                 {"7.3.3", result{passed, unclean, 0}, nil, false},
		"a code of its own":        {"7.3.3", result{passed, wrongCode, 1001}, []string{plain(0x88, "\x03\xe9")}, false},
		"no code":                  {"7.3.3", result{passed, passed, 0}, []string{plain(0x88, "")}, false},
		"no end":                   {"7.3.3", result{passed, failedByUs, 1000}, []string{plain(0x88, byCode)}, true},
		"it waits":                 {"3.1", result{passed, failedByUs, 0}, nil, true},
		"it drops":                 {"3.1", result{passed, passed, 0}, nil, false},
		"it takes what is wrong":   {"3.1", result{failed, passed, 0}, []string{plain(0x81, "Hello, world!")}, false},
		"it does not answer first": {"3.2", result{nonStrict, passed, 1002}, []string{plain(0x88, "\x03\xea")}, false},
		"of which nothing is said": {"7.13.1", result{informational, informational, 0}, nil, false},
		"no compression":           {"12.1.1", result{unimplemented, passed, 1000}, []string{plain(0x88, byCode)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := saying(t, one.says, one.hang)
			got, why := play(addr, "/", caseOf(t, one.id), map[bool]time.Duration{true: limit, false: caseLimit}[one.hang])
			require.Equal(t, one.want, got, why)
			require.Equal(t, one.want.behavior == failed, strings.Contains(why, " has "), why)
		})
	}
}

// An agreement that this client has not offered, or does not understand, is none.
func TestOnlyWhatWasOfferedIsAgreed(t *testing.T) {
	for _, pair := range [][2]string{
		{"", extension},
		{usualOffer, "x-webkit-deflate-frame"},
		{usualOffer, extension + "; client_max_window_bits=9"},
	} {
		_, err := agreed(pair[0], pair[1])
		require.ErrorContains(t, err, pair[1])
	}
	d, err := agreed(offered[2], extension)
	require.NoError(t, err)
	require.True(t, d.loose)
	for _, offers := range []string{offered[0], offered[6]} {
		d, err = agreed(offers, extension+"; "+serverForgets)
		require.NoError(t, err)
		require.Equal(t, &deflate{serverForgets: true}, d)
	}
}

func caseOf(t *testing.T, id string) *testCase {
	t.Helper()
	for _, one := range allCases(1) {
		if one.id == id {
			return &one
		}
	}
	require.Fail(t, "no such case", id)
	return nil
}

// plain is a short frame of a server's.
func plain(first byte, data string) string { return string([]byte{first, byte(len(data))}) + data }

// saying serves one connection by saying something, whatever it is told.
func saying(t *testing.T, says []string, hang bool) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: JTSIAjvle9kBLiNmSgY5J1sUPk4=\r\n\r\n")
		for _, text := range says {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
		}
		if !hang { // the client's close, if it sends one, is read before the end
			_ = conn.(*net.TCPConn).CloseWrite()
		}
		_, _ = io.Copy(io.Discard, r)
	}()
	return listener.Addr().String()
}
