package check

import (
	"fmt"
	"net"

	"github.com/gwport/gwport/etf"
)

// Scripts of section 5: ways to greet. Where nothing is asked the port is to end,
// and the host starts another in vain.

func greetingScripts() []hostScript {
	none := ask{client: "none", ends: true}
	scripts := []hostScript{
		{path: "held", rule: "G2", name: "a host waits for ready, which comes when --hold's connection ends", ask: ask{client: "none"}, live: lifeHeld},
		{path: "mute", rule: "G1", name: "no ready within the greeting timeout ends the port", ask: ask{client: "none", host: "greeting_timeout=300", ends: true}, live: func(m *mirror) {
			m.awaitHello()
			m.awaitOr("a fault, or the end of input", func() bool { return m.fault != nil || m.ended })
		}},
		{path: "early-ping", rule: "G1", name: "a first frame that is not ready is bad_greeting: ping", ask: none, live: func(m *mirror) {
			m.sendTerm(kindPing, 0, 1)
			m.expectFault(faultBadGreeting)
		}},
		{path: "early-chunk", rule: "G1", name: "a first frame that is not ready is bad_greeting: chunk", ask: none, live: func(m *mirror) {
			m.send(frame{kindChunk, firstStream, []byte("x")})
			m.expectFault(faultBadGreeting)
		}},
		{path: "greets-twice", rule: "G1", name: "a second ready is bad_greeting", ask: none, live: func(m *mirror) {
			m.awaitHello()
			m.greet(nil)
			m.greet(nil)
			m.expectFault(faultBadGreeting)
		}},
		{path: "version/2", rule: "G3", name: "a version outside hello's range is no_common_version", ask: none, live: greetsWith("version", 2, faultNoCommonVersion)},
	}
	for i, c := range []etf.Pair{
		{Key: "version", Value: "1"},
		{Key: "version"},
		{Key: "window", Value: -1},
		{Key: "window", Value: maxWindow + 1},
		{Key: "window", Value: "1"},
		{Key: "window"},
		{Key: "max_frame", Value: minMaxFrame - 1},
		{Key: "max_frame"},
		{Key: "max_head", Value: "1"},
		{Key: "max_head"},
		{Key: "max_streams", Value: 0},
		{Key: "max_streams"},
		{Key: "capabilities", Value: 1},
		{Key: "capabilities", Value: etf.List{1}},
		{Key: "capabilities"},
		{Key: "name", Value: 1},
		{Key: "name"},
		{Key: "program_version", Value: 1},
		{Key: "program_version"},
		{Key: "apps", Value: 1},
		{Key: "apps", Value: etf.List{1}},
		{Key: "apps"},
	} {
		key := c.Key.(string)
		scripts = append(scripts, hostScript{
			path: fmt.Sprintf("ready/%s/%d", key, i), rule: "G1", ask: none, live: greetsWith(key, c.Value, faultBadGreeting),
			name: "a ready that cannot be used is bad_greeting: " + saysValue(key, c.Value),
		})
	}
	return scripts
}

func saysValue(key string, v any) string {
	if v == nil {
		return "no " + key
	}
	return key + " of " + shown(payload(v)[1:])
}

// greetsWith greets with another value for a key, or with none, and waits to be
// told what that is.
func greetsWith(key string, v any, code int64) func(*mirror) {
	return func(m *mirror) {
		m.awaitHello()
		m.greet(func(r etf.Map) etf.Map {
			if r = without(r, key); v != nil {
				r = append(r, etf.Pair{Key: key, Value: v})
			}
			return r
		})
		m.expectFault(code)
	}
}

// lifeHeld greets when it is told to, by the end of a connection: what comes
// before is too early.
func lifeHeld(m *mirror) {
	m.awaitHello()
	c, err := net.Dial("unix", m.set.hold)
	if err != nil {
		panic(failure{err.Error(), "a socket at --hold that takes a connection"})
	}
	_, _ = c.Read(make([]byte, 1))
	_ = c.Close()
	m.rec.kept("G2")
	m.greet(nil)
}
