package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/test/cowboy"
)

// The test binary is the port program.
const serveArgument = "serve"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == serveArgument {
		os.Exit(run(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// talk has a client say one thing after another, each when the one before has been acknowledged. The last one said is
// acknowledged when it is done.
func talk(c *client, stop <-chan struct{}) <-chan error {
	done := make(chan error, 1)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			text := fmt.Sprint(c.name, " ", i)
			if id := c.say(text); !c.until(func() bool { return c.hasHeard(id) }) {
				done <- fmt.Errorf("%q is not acknowledged", text)
				return
			}
		}
	}()
	return done
}

// Two members talk behind Cowboy, one by each mount, while their pool is reloaded, and while its programs are killed.
// At the end each of them has heard all that was acknowledged, once, in the one order that the room has.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	for name, pool := range map[string]string{"one program": "#{}", "two programs": "#{ports => 2}"} {
		t.Run(name, func(t *testing.T) {
			self, err := os.Executable()
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
			defer cancel()
			server, err := cowboy.Start(ctx, cowboy.Options{
				Program: []string{self, serveArgument, t.TempDir()}, Pool: pool, Mounts: `[{"/chat/[...]", #{app => <<"chat">>}}]`,
			})
			require.NoError(t, err)
			defer server.Stop()
			url := func(mount cowboy.Mount) string { return "ws://" + server.Addr(mount, false) + "/chat/lobby" }
			ann, bob := newClient(t, url(cowboy.Route), "ann", -1), newClient(t, url(cowboy.Stream), "bob", -1)
			stop := make(chan struct{})
			talks := []<-chan error{talk(ann, stop), talk(bob, stop)}
			for i, event := range []string{
				"{ok, _} = gwport:reload(app)", "{ok, _} = gwport_inject:fault(app, dead)", "{ok, _} = gwport:reload(app)",
			} {
				for _, c := range []*client{ann, bob} {
					c.await(t, "talk", func() bool { return len(c.heard) >= 50*(i+1) })
				}
				_, err := server.Eval(ctx, event)
				require.NoError(t, err)
				for _, c := range []*client{ann, bob} {
					c.await(t, "the end of a connection", func() bool { return len(c.codes) >= i+1 })
					c.awaitLive(t)
				}
			}
			close(stop)
			for _, done := range talks {
				require.NoError(t, <-done)
			}

			eve := newClient(t, url(cowboy.Route), "eve", 0)
			eve.awaitLive(t)
			said := eve.texts()
			for _, c := range []*client{ann, bob} {
				c.await(t, "what the other has said", func() bool { return len(c.heard) == len(said) && len(c.waiting) == 0 })
				require.Equal(t, said, c.texts())
				restarts := slices.DeleteFunc(c.endings(), func(code websocket.StatusCode) bool { return code != websocket.StatusServiceRestart })
				require.Len(t, restarts, 2, "one for each reload, of %v", c.endings())
			}
			t.Logf("%d messages; connections ended with %v and %v", len(said), ann.endings(), bob.endings())
		})
	}
}
