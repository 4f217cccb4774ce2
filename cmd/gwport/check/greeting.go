package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/gwport/gwport/etf"
)

// Checks of section 5: the greeting.

func checkReady(t *trial) {
	h := t.greet(hello{})
	r := h.ready
	for _, limit := range []struct {
		name           string
		n, least, most int64
	}{
		{"version", r.version, 1, 1},
		{"window", r.window, 0, maxWindow},
		{"max_head", r.maxHead, 1, maxCredit},
		{"max_frame", r.maxFrame, max(65_551, r.maxHead+64), maxCredit},
		{"max_streams", r.maxStreams, 1, maxCredit},
	} {
		if limit.n < limit.least || limit.n > limit.most {
			t.fail(fmt.Sprintf("%s %d", limit.name, limit.n), fmt.Sprintf("%d to %d", limit.least, limit.most))
		}
	}
	t.saw("after %v, %s %s, window %d, max_head %d, max_frame %d, max_streams %d, apps %q",
		h.firstAt.Sub(h.p.began).Round(time.Millisecond), r.name, r.programVersion, r.window, r.maxHead, r.maxFrame, r.maxStreams, r.apps)
}

func checkBeforeHello(t *trial) {
	for _, f := range []frame{
		{kindPing, 0, payload(1)},
		{kindDrain, 0, payload(noStream)},
		{kindOpen, firstStream, request{path: "/"}.payload()},
	} {
		h := t.start(hello{})
		h.send(f)
		h.expectFault(faultBadGreeting)
	}
}

func checkSecondHello(t *trial) {
	h := t.greet(hello{})
	h.sendHello()
	h.expectFault(faultBadGreeting)
}

func checkBadHello(t *trial) {
	for _, bad := range []hello{
		{without: "versions"},
		{without: "max_frame"},
		{without: "max_head"},
		{without: "max_streams"},
		{swap: etf.Map{{Key: "versions", Value: 1}}},
		{swap: etf.Map{{Key: "max_frame", Value: 65_550}}},
		{swap: etf.Map{{Key: "options", Value: etf.List{}}}},
		{raw: payload(etf.List{})},
	} {
		h := t.start(bad)
		h.sendHello()
		t.with(fmt.Sprintf("%q", bad.payload()), func() { h.expectFault(faultBadGreeting) })
	}
}

// checkNoCommonVersion greets as a host of much later. What else its hello has, or
// has not, is no business of version 1.
func checkNoCommonVersion(t *trial) {
	for _, later := range []hello{
		{},
		{without: "max_frame", extra: later},
		{swap: etf.Map{{Key: "options", Value: etf.List{1}}, {Key: "max_frame", Value: 1}}},
	} {
		later.minVersion, later.maxVersion = 47, 48
		h := t.start(later)
		h.sendHello()
		var text string
		t.with(fmt.Sprintf("%.200q", later.payload()), func() { text = h.expectFault(faultNoCommonVersion) })
		for _, n := range []string{"1", "47", "48"} {
			if !strings.Contains(text, n) {
				t.fail(fmt.Sprintf("%q", text), "a sentence that names both ranges, 1 and 47 to 48")
			}
		}
		t.saw("%q", text)
	}
}

func checkVersionInRange(t *trial) {
	for _, versions := range [][2]int{{1, 1}, {1, 9}} {
		h := t.greet(hello{minVersion: versions[0], maxVersion: versions[1]})
		if h.ready.version != 1 {
			t.fail(fmt.Sprintf("version %d", h.ready.version), "version 1")
		}
	}
}

// later is what a later minor of the host might say besides.
var later = etf.Map{
	{Key: "later", Value: etf.Map{{Key: "deep", Value: etf.List{1, "x", etf.Tuple{}, 2.5}}}},
	{Key: "", Value: -1},
}

func checkUnknownHello(t *trial) {
	h := t.greet(hello{
		extra: later,
		swap: etf.Map{
			{Key: "capabilities", Value: etf.List{"hijack", "later"}},
			{Key: "options", Value: append(etf.Map{{Key: "drain_timeout", Value: 1000}}, later...)},
		},
	})
	h.ping()
	h.settle()
}

func checkOptionalHello(t *trial) {
	h := t.greet(hello{without: "pool"})
	h.settle()
}

// checkTinyHead greets with a max_head that no head fits into.
func checkTinyHead(t *trial) {
	h := t.app(hello{head: 8})
	s := h.open(request{path: "/status/200"}) // no window, which a reply might add to it
	r := s.response()
	if r.last.kind != kindAbort {
		t.fail(r.last.String(), "abort, because no head fits into a max_head of 8")
	}
	h.settle()
}

// checkReplyOverHead gives credit behind an open whose window is 0: what fits the
// credit may be too large for a reply all the same.
func checkReplyOverHead(t *trial) {
	h := t.app(hello{head: 1000})
	for _, n := range []int{500, 2000, 10_000} {
		r := request{path: fmt.Sprintf("/bytes/%d", n)}
		s := h.reserve(r)
		s.window += int64(n)
		h.sendRaw(append(frame{kindOpen, s.id, r.payload()}.bytes(), frame{kindCredit, s.id, payload(n)}.bytes()...))
		s.expectResponse(200, pattern(n))
	}
	h.settle()
}

// checkSmallFrames greets with the smallest max_frame there is for the window.
func checkSmallFrames(t *trial) {
	const window, head = 65_536, 1_000
	h := t.app(hello{head: head, frame: window + head + 64})
	for _, n := range []int{0, 1, 16_384, 60_000, 65_536} {
		s := h.open(request{path: fmt.Sprintf("/bytes/%d", n), window: window})
		s.expectResponse(200, pattern(n))
	}
	h.settle()
}
