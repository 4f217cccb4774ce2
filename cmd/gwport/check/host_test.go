package check

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/host"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/cmd/gwport/check/report"
	"github.com/gwport/gwport/etf"
)

// toyHost is a host as small as can be: it greets, and sends what a test wants.
type toyHost struct {
	t   *testing.T
	in  io.WriteCloser // the mirror's standard input
	out chan frames.Frame
	rec *safeBuffer
	end chan int
}

// safeBuffer is the report's file.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// playHost starts a mirror in this process. Nothing is sent yet.
func playHost(t *testing.T, o host.Options) *toyHost {
	t.Helper()
	in, stdin, err := os.Pipe()
	require.NoError(t, err)
	stdout, out, err := os.Pipe()
	require.NoError(t, err)
	h := &toyHost{t: t, in: stdin, out: make(chan frames.Frame, 10_000), rec: &safeBuffer{}, end: make(chan int, 1)}
	if o.Window == 0 {
		o.Window = 1000
	}
	o.MaxHead, o.MaxStreams, o.Patience = 65_536, max(o.MaxStreams, 100), 2*time.Second
	go func() {
		h.end <- host.Serve(o, in, out, h.rec)
		_ = out.Close()
	}()
	go func() {
		for f, err := frames.Read(stdout); err == nil; f, err = frames.Read(stdout) {
			h.out <- f
		}
		close(h.out)
	}()
	return h
}

func (h *toyHost) raw(b []byte) { _, _ = h.in.Write(b) }
func (h *toyHost) send(k frames.Kind, id uint32, term any) {
	h.raw(frames.New(k, id, peer.Payload(term)).Append(nil))
}
func (h *toyHost) chunk(id uint32, b []byte) { h.raw(frames.New(frames.Chunk, id, b).Append(nil)) }
func (h *toyHost) open(id uint32, r peer.Request) {
	h.raw(frames.New(frames.Open, id, r.Payload()).Append(nil))
}
func (h *toyHost) abort(id uint32, code int) { h.send(frames.Abort, id, etf.Tuple{code, ""}) }
func (h *toyHost) greet(change func(etf.Map) etf.Map) {
	h.send(frames.Hello, 0, change(toyHello()))
}

func toyHello() etf.Map {
	return etf.Map{
		{Key: etf.Binary("versions"), Value: etf.Tuple{1, 1}},
		{Key: etf.Binary("max_frame"), Value: 1 << 20},
		{Key: etf.Binary("max_head"), Value: 65_536},
		{Key: etf.Binary("max_streams"), Value: 40_000},
		{Key: etf.Binary("capabilities"), Value: etf.List{}},
		{Key: etf.Binary("options"), Value: etf.Map{}},
		{Key: etf.Binary("pool"), Value: "toy"},
	}
}

func asIs(m etf.Map) etf.Map { return m }

// await waits for a frame of a kind.
func (h *toyHost) await(k frames.Kind) frames.Frame {
	h.t.Helper()
	for {
		select {
		case f, ok := <-h.out:
			if !ok {
				return frames.Frame{}
			}
			if f.Kind == k {
				return f
			}
		case <-time.After(30 * time.Second):
			require.Fail(h.t, "no "+k.String())
		}
	}
}

// report ends the mirror and makes the report of what it saw.
func (h *toyHost) report() report.Report {
	_ = h.in.Close()
	<-h.end
	rep, err := host.Read(&h.rec.b)
	require.NoError(h.t, err)
	return rep
}

func failed(r report.Report, id string) []string {
	var lines []string
	for _, res := range r.Results {
		if res.Status == report.Fail && res.Rule == id {
			lines = append(lines, res.String())
		}
	}
	return lines
}

// brokenHosts break one rule each.
var brokenHosts = map[string]struct {
	rule, says string
	play       func(h *toyHost)
}{
	"greets twice": {"G1", "hello as the first frame, and once", func(h *toyHost) { h.greet(asIs) }},
	"sends an atom as key of a request": {"F7", "keys that are binaries", func(h *toyHost) {
		h.open(256, peer.Request{Path: "/ok", App: "mirror", Extra: etf.Map{{Key: etf.Atom("x"), Value: 1}}})
	}},
	"compresses":            {"F5", "tag 80", func(h *toyHost) { h.raw(frames.New(frames.Ping, 0, []byte{131, 80, 0, 0, 0, 2, 0}).Append(nil)) }},
	"nests too deep":        {"F5", "32 levels", func(h *toyHost) { h.send(frames.Ping, 0, peer.Term("^33", nil)) }},
	"writes another layout": {"F3", "83 6c", func(h *toyHost) { h.raw(peer.Framed(peer.Payload(etf.List{3, "0123456789"}))) }},
	"writes no frames":      {"F2", "a frame of 1214606444 bytes", func(h *toyHost) { h.raw([]byte("Hello, program")) }},
	"sends a kind of ours":  {"F8", "reply with stream 256", func(h *toyHost) { h.send(frames.Reply, 256, etf.Tuple{200, etf.List{}, ""}) }},
	"pings with a text":     {"F4", "ping with", func(h *toyHost) { h.send(frames.Ping, 0, "x") }},
	"opens odd numbers":     {"R2", "open of stream 257", func(h *toyHost) { h.open(257, peer.Request{Path: "/ok", App: "mirror"}) }},
	"opens a number twice": {"R2", "an even number above 256", func(h *toyHost) {
		h.open(256, peer.Request{Path: "/ok", App: "mirror"})
		h.open(256, peer.Request{Path: "/ok", App: "mirror"})
	}},
	"speaks of other streams": {"R3", "fin for stream 400", func(h *toyHost) { h.send(frames.Fin, 400, etf.List{}) }},
	"opens calls":             {"R1", "type 0", func(h *toyHost) { h.open(256, peer.Request{Path: "/ok", App: "mirror", Type: 1}) }},
	"asks for another app":    {"R4", "other", func(h *toyHost) { h.open(256, peer.Request{Path: "/ok", App: "other"}) }},
	"gives no host":           {"6", "headers of its shape", func(h *toyHost) { h.open(256, peer.Request{Path: "/ok", App: "mirror", Lacks: "headers"}) }},
	"opens too many": {"R4", "at most 100 streams", func(h *toyHost) {
		for i := range uint32(101) {
			h.open(256+2*i, peer.Request{Path: "/unread", App: "mirror", Upload: true})
		}
	}},
	"ends a body early": {"R7", "fin behind 10 bytes", func(h *toyHost) {
		h.open(256, peer.Request{Path: "/unread", App: "mirror", Length: 10})
		h.chunk(256, []byte("\x00\x01\x02"))
		h.send(frames.Fin, 256, etf.List{})
	}},
	"sends more than it said": {"R7", "as length says", func(h *toyHost) {
		h.open(256, peer.Request{Path: "/unread", App: "mirror", Length: 2})
		h.chunk(256, []byte("\x00\x01\x02"))
	}},
	"goes on behind fin": {"S1", "chunk of 1 bytes behind fin", func(h *toyHost) {
		h.open(256, peer.Request{Path: "/unread", App: "mirror", Upload: true})
		h.send(frames.Fin, 256, etf.List{})
		h.chunk(256, []byte("\x00"))
	}},
	"aborts twice": {"A1", "one abort a stream", func(h *toyHost) {
		h.open(256, peer.Request{Path: "/unread", App: "mirror", Upload: true})
		h.abort(256, 2)
		h.abort(256, 2)
	}},
	"goes on behind its abort": {"A4", "nothing behind the host's own abort", func(h *toyHost) {
		h.open(256, peer.Request{Path: "/unread", App: "mirror", Upload: true})
		h.abort(256, 2)
		h.chunk(256, []byte("\x00"))
	}},
	"cheats with credit": {"C1", "1 of them", func(h *toyHost) {
		h.open(256, peer.Request{Path: "/unread", App: "mirror", Upload: true})
		h.chunk(256, peer.Pattern(0, 1001))
	}},
	"grants too much": {"C3", "in sum", func(h *toyHost) {
		h.open(256, peer.Request{Path: "/unread", App: "mirror", Upload: true, Window: 1})
		h.send(frames.Credit, 256, peer.MaxCredit)
	}},
	"mixes bytes up": {"O1", "others from byte 0 on", func(h *toyHost) {
		h.open(256, peer.Request{Path: "/unread", App: "mirror", Upload: true})
		h.chunk(256, []byte("\x01\x00"))
	}},
	"talks too much":       {"8", "a text of at most 1024 bytes", func(h *toyHost) { h.send(frames.Fault, 0, etf.Tuple{5, strings.Repeat("x", 1025)}) }},
	"talks behind a fault": {"8", "nothing behind fault", func(h *toyHost) { h.send(frames.Fault, 0, etf.Tuple{5, ""}); h.send(frames.Ping, 0, 1) }},
	"drains with a number": {"D1", "drain 256", func(h *toyHost) { h.send(frames.Drain, 0, 256) }},
	"opens behind drain": {"D3", "open of stream 258", func(h *toyHost) {
		h.open(256, peer.Request{Path: "/unread", App: "mirror", Upload: true})
		h.send(frames.Drain, 0, 255)
		h.open(258, peer.Request{Path: "/ok", App: "mirror"})
	}},
	"pongs without a ping":  {"D4", "pong 7", func(h *toyHost) { h.send(frames.Pong, 0, 7) }},
	"answers no abort":      {"A2", "expected abort cancelled (2)", asked("/abort/2")},
	"answers with its code": {"A2", `seen abort internal_error (1) "", expected abort cancelled (2)`, answered("/abort/2", 1)},
	"fakes completeness":    {"S2", "expected abort no_error (0)", faked("/reply-early")},
	"takes an odd order":    {"S1", "expected abort bad_order (9)", asked("/order/fin")},
	"starves":               {"C4", "credit for 19000 more bytes", asked("/long-small-window")},
	"takes any grant":       {"C3", "expected abort bad_credit (10)", asked("/grants/0")},
	"takes bad payloads":    {"F6", "expected abort bad_payload (8)", asked("/payload/head-arity")},
	"takes bad envelopes":   {"F3", "expected fault bad_frame (2)", asked("/envelope/list")},
}

// uploadTo is a request whose end does not come.
func uploadTo(path string) peer.Request {
	return peer.Request{Path: path, Method: "POST", App: "mirror", Upload: true, Window: 1000}
}

// asked opens a stream and does nothing about what comes of it: the script gives
// up when its patience is at an end.
func asked(path string) func(*toyHost) {
	return func(h *toyHost) {
		h.open(256, uploadTo(path))
		h.awaitVerdict(path)
	}
}

func answered(path string, code int) func(*toyHost) {
	return func(h *toyHost) {
		h.open(256, uploadTo(path))
		h.await(frames.Abort)
		h.abort(256, code)
		h.awaitVerdict(path)
	}
}

func faked(path string) func(*toyHost) {
	return func(h *toyHost) {
		h.open(256, uploadTo(path))
		h.await(frames.Reply)
		h.send(frames.Fin, 256, etf.List{})
		h.awaitVerdict(path)
	}
}

func (h *toyHost) awaitVerdict(path string) {
	require.Eventually(h.t, func() bool {
		h.rec.mu.Lock()
		defer h.rec.mu.Unlock()
		return strings.Contains(h.rec.b.String(), `"script":"`+path[1:]+`"`)
	}, 30*time.Second, 5*time.Millisecond)
}

// greeted plays a host that is greeted well, and then breaks its rule.
func greeted(t *testing.T, play func(*toyHost)) report.Report {
	h := playHost(t, host.Options{})
	h.greet(asIs)
	h.await(frames.Ready)
	play(h)
	return h.report()
}

func TestBrokenHostsAreNamed(t *testing.T) {
	for name, b := range brokenHosts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rep := greeted(t, b.play)
			require.Contains(t, strings.Join(failed(rep, b.rule), "\n"), b.says)
			require.NoError(t, holdRow("host "+name, rep))
		})
	}
}

// Those whose greeting is what is broken.
func TestBrokenGreetingsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		rule, says string
		change     func(etf.Map) etf.Map
	}{
		"no max_head":      {"5", "max_head in hello", func(m etf.Map) etf.Map { return lacking(m, "max_head") }},
		"a small frame":    {"5", "at least 65551", func(m etf.Map) etf.Map { return set(m, "max_frame", 65_550) }},
		"versions upwards": {"5", "versions in hello", func(m etf.Map) etf.Map { return set(m, "versions", etf.Tuple{2, 1}) }},
		"a key twice":      {"F7", "in its map twice", func(m etf.Map) etf.Map { return append(m, m[len(m)-1]) }},
		"a key no binary":  {"F7", "1 in hello", func(m etf.Map) etf.Map { return append(m, etf.Pair{Key: 1, Value: 1}) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := playHost(t, host.Options{})
			h.greet(c.change)
			h.await(frames.Ready)
			rep := h.report()
			require.Contains(t, strings.Join(failed(rep, c.rule), "\n"), c.says)
			require.NoError(t, holdRow("host that greets with "+name, rep))
		})
	}
}

func set(m etf.Map, key string, value any) etf.Map {
	return append(lacking(m, key), etf.Pair{Key: key, Value: value})
}

func lacking(m etf.Map, key string) etf.Map {
	return slices.DeleteFunc(m, func(p etf.Pair) bool { return p.Key == etf.Binary(key) })
}

// What comes before ready is early, be it all right in itself.
func TestHostThatDoesNotWaitIsNamed(t *testing.T) {
	h := playHost(t, host.Options{Life: "mute"})
	h.greet(asIs)
	h.send(frames.Ping, 0, 1)
	rep := h.report()
	require.NotEmpty(t, failed(rep, "G2"))
	require.Empty(t, failed(rep, "F4"))
}

// The control: a host that does nothing wrong breaks no rule.
func TestToyHostBreaksNothing(t *testing.T) {
	rep := greeted(t, func(h *toyHost) {
		h.open(256, peer.Request{Path: "/ok", App: "mirror", Window: 100})
		h.await(frames.Reply)
		h.open(260, uploadTo("/reply-early"))
		h.await(frames.Reply)
		h.abort(260, frames.NoError)
		h.send(frames.Pong, 0, number(h.await(frames.Ping)))
		h.awaitVerdict("/reply-early")
		h.send(frames.Drain, 0, peer.NoStream)
		h.await(frames.Drain)
	})
	for _, res := range rep.Results {
		require.NotEqual(t, report.Fail, res.Status, "%v", res)
	}
}

func number(f frames.Frame) int64 {
	term, _ := peer.Decode(f.Payload)
	return term.(int64)
}

// A client's word counts: the same verdict of the mirror passes or fails by it.
func TestClientsAreJudged(t *testing.T) {
	const verdict = `{"script":"ends","status":"pass"}`
	for client, want := range map[string]report.Status{
		``: report.NotTested,
		`{"client":"ends","code":503,"whole":true}`:             report.Pass,
		`{"client":"ends","code":502,"whole":true}`:             report.Fail,
		`{"client":"ends","code":503}`:                          report.Fail,
		`{"client":"ends","code":503,"whole":true,"informs":1}`: report.Fail,
	} {
		rep, err := host.Read(strings.NewReader(verdict + client))
		require.NoError(t, err)
		i := slices.IndexFunc(rep.Results, func(r report.Result) bool {
			return r.Rule == "R6" && strings.HasPrefix(r.Name, "a clean end without entered: POST")
		})
		require.Equal(t, want, rep.Results[i].Status, client)
	}
}

func TestScriptsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range host.Scripts() {
		require.False(t, seen[s.Path], s.Path)
		require.NotContains(t, s.Path, " ")
		seen[s.Path] = true
	}
}
