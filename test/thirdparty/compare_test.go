package thirdparty

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// giveUp is when a handler no longer waits for what it is to be told.
const giveUp = 15 * time.Second

var locks sync.Map // by app

// exclusive makes cases that share an app run one behind the other. The others run side by side.
func exclusive(app string) (unlock func()) {
	lock, _ := locks.LoadOrStore(app, new(sync.Mutex))
	lock.(*sync.Mutex).Lock()
	return lock.(*sync.Mutex).Unlock
}

// compare runs a case against each server with each protocol: every note must be what net/http made it.
func compare(t *testing.T, app string, run func(c *client)) {
	compareOver(t, protocols, app, run)
}

func compareOver(t *testing.T, protocols []string, app string, run func(c *client)) {
	t.Parallel()
	servers := start(t)
	defer exclusive(app)()
	t.Cleanup(func() {
		if t.Failed() {
			log := servers.cowboy.Log()
			t.Logf("the end of the BEAM's log:\n%s", log[max(0, len(log)-2000):])
		}
	})
	for _, protocol := range protocols {
		want := notes(t, servers, app, protocol, reference, run)
		for _, server := range ours {
			t.Run(protocol+"/"+server, func(t *testing.T) {
				got := notes(t, servers, app, protocol, server, run)
				require.Len(t, got, len(want))
				for i := range want {
					same(t, whatIsMissing(app, want[i].name), want[i], got[i])
				}
			})
		}
	}
}

func notes(t *testing.T, servers *servers, app, protocol, server string, run func(c *client)) []note {
	c := newClient(t, app, protocol, server, servers.addrs[server])
	c.ask(http.StatusNoContent, request{path: resetPath})
	run(c)
	require.NotEmpty(t, c.notes)
	return c.notes
}

// same wants a difference where something is missing.
func same(t *testing.T, missing string, want, got note) {
	require.Equal(t, want.name, got.name, "a case notes the same things in the same order")
	switch equal := assert.ObjectsAreEqual(want, got); {
	case missing != "" && equal:
		t.Errorf("%s: passes, and is no longer to be listed for want of: %s", want.name, missing)
	case missing == "" && !equal:
		t.Errorf("%s\n%s", want.name, difference(want.seen, got.seen))
	}
}

// difference shows where two values part, and not all of a long body.
func difference(want, got any) string {
	a, b := fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got)
	from := 0
	for from < min(len(a), len(b)) && a[from] == b[from] {
		from++
	}
	from = max(0, from-60)
	return fmt.Sprintf("net/http: ...%.600s\n    ours: ...%.600s", a[from:], b[from:])
}
