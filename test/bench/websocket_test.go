package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// echoServer changes messages on their way back.
func echoServer(t *testing.T, change func([]byte) []byte) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(-1)
		for {
			kind, message, err := conn.Read(context.Background())
			if err != nil || conn.Write(context.Background(), kind, change(message)) != nil {
				return
			}
		}
	}))
	t.Cleanup(srv.Close)
	return srv
}

func same(message []byte) []byte { return message }

func other(message []byte) []byte { return append(message[1:], '?') }

// Frames are as a library of others reads and writes them, for each of the three ways to say a length.
func TestFramesOfEachLengthComeBack(t *testing.T) {
	srv := echoServer(t, same)
	for _, n := range []int{0, 1, 125, 126, 1<<16 - 1, 1 << 16} {
		check := check{path: "/ws", echo: []byte(strings.Repeat("x", n))}
		require.NoError(t, check.run(t.Context(), srv.URL, http1), n)
	}
}

func TestAnotherMessageIsTold(t *testing.T) {
	check := check{path: "/ws", echo: []byte("abc")}
	require.ErrorContains(t, check.run(t.Context(), echoServer(t, other).URL, http1), "82 03 62 63 3f, expected 82 03 61 62 63")
}

// A server that upgrades wrongly, or not at all, is not taken for one that echoes.
func TestUpgradesAreLookedAt(t *testing.T) {
	switching := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
	for answer, want := range map[string]string{
		"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n": "status 404",
		switching + "x\r\n\r\n":                               `Sec-WebSocket-Accept is "x"`,
		switching + wsAccept + "\r\n\r\nmore":                 "nobody asked for",
		"":                                                    "EOF",
	} {
		here, there := net.Pipe()
		go func() {
			_, _ = there.Read(make([]byte, 1024))
			_, _ = there.Write([]byte(answer))
			_ = there.Close()
		}()
		require.ErrorContains(t, upgrade(here, "/ws"), want)
		_ = here.Close()
	}
}

func echoJob(srv *httptest.Server, l load) job {
	addr := strings.TrimPrefix(srv.URL, "http://")
	return job{load: l, server: &server{addr: addr}, duration: minDuration, crowd: 4}
}

func TestEchoLoads(t *testing.T) {
	for _, l := range echoLoads() {
		var run Run
		start := time.Now()
		require.NoError(t, l.drive(t.Context(), echoJob(echoServer(t, same), l), &run))
		require.Empty(t, run.Errors)
		require.GreaterOrEqual(t, run.Seconds, minDuration.Seconds())
		require.LessOrEqual(t, run.Seconds, time.Since(start).Seconds())
		require.GreaterOrEqual(t, run.Requests, int64(4), "each connection has had a message")
		require.Positive(t, run.P50)
		require.GreaterOrEqual(t, run.P99, run.P50)
	}
}

func TestAWrongEchoIsAnError(t *testing.T) {
	var run Run
	require.NoError(t, driveEcho(t.Context(), echoJob(echoServer(t, other), echoLoads()[0]), &run))
	require.Zero(t, run.Requests)
	require.Contains(t, run.Errors, "4 failed: what came back begins with")
	srv := httptest.NewServer(http.NotFoundHandler())
	defer srv.Close()
	require.ErrorContains(t, driveEcho(t.Context(), echoJob(srv, echoLoads()[0]), &run), "4 of 4 upgrades failed: status 404")
}
