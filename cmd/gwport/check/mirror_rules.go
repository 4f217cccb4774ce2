package check

import (
	"fmt"
	"strings"
)

// hostWatched are the rules that the mirror's watch holds a host to.
var hostWatched = []struct{ id, name string }{
	{"P2", "GWPORT holds a range of versions"},
	{"P3", "GWPORT_STDERR, where it is set, takes a connection"},
	{"F2", "no frame is larger than ready's max_frame, or less than 10"},
	{"F3", "envelopes have the one layout"},
	{"F4", "payloads are as section 4 describes them"},
	{"F5", "payloads have the tags of F5, and at most 32 levels"},
	{"F7", "keys are binaries, each once"},
	{"F8", "kinds are those of a host, with a stream where they need one"},
	{"G1", "hello is the first frame, and the only one"},
	{"G2", "nothing but hello, and fault, before ready"},
	{"G4", "no open or trailers beyond ready's max_head"},
	{"5", "hello has its keys, within their limits"},
	{"6", "requests have their keys, of their shapes"},
	{"R1", "opens are of type 0"},
	{"R2", "stream numbers are even, and rise"},
	{"R3", "frames are for streams that the host has opened"},
	{"R4", "apps that ready names, and no more streams than max_streams"},
	{"R7", "bodies have the length that their open says"},
	{"S1", "request halves are in order"},
	{"A1", "one abort a stream"},
	{"A4", "nothing follows the host's abort"},
	{"C1", "never a byte beyond credit"},
	{"C2", "the first credit of a response is 0 to 16777216"},
	{"C3", "credit never adds up to more than 2147483647"},
	{"O1", "bodies keep their order"},
	{"8", "texts are short, and fault is the last frame"},
	{"D1", "drain names 255"},
	{"D3", "nothing is opened behind drain"},
	{"D4", "pongs have the integer of a ping, once"},
	{"12", "keys and capabilities of a later program are ignored"},
}

// hostScript is a way in which the mirror behaves, and a line of the report.
type hostScript struct {
	path string // what is asked for, behind the slash
	rule string
	name string // what is expected, as a sentence
	ask  ask

	run  func(*mstream) // what it does with a stream
	live func(*mirror)  // or with the port, from the greeting on; path is the life's name
}

// ask is what a client has to do, and what it should get. The zero value is a GET
// without a body by a client that waits for its whole response.
type ask struct {
	method  string
	body    int    // bytes of the body, the i-th being i mod 251
	framing string // of the body: length, chunked, or continue (length, and to be told to go on)

	// waits holds half of the body back until it has its response; leaves does so
	// and hangs up when that begins; left sends all of the body and then does the
	// same; drain has the host drain the port once the request is there; none asks
	// nothing.
	client string
	header int    // bytes of a header field x-pad
	times  int    // so many clients at a time: 1 if 0
	args   string // the mirror's arguments
	host   string // an option of the host's: window=N, max_head=N, greeting_timeout=MS

	ends     bool // the port ends by it
	status   []int
	broken   bool // the response is not whole
	informs  int
	answer   string
	bodiless bool
}

// clients is how many answers there are.
func (a ask) clients() int {
	if a.client == "none" {
		return 0
	}
	return max(a.times, 1)
}

// String is the line that tells a driver what to ask for.
func (s hostScript) String() string {
	a := s.ask
	ends := "no"
	if a.ends {
		ends = "yes"
	}
	args := a.args
	if s.live != nil {
		args = "--life=" + s.path
	}
	return fmt.Sprintf("path=%s method=%s body=%d framing=%s client=%s header=%d times=%d args=%s host=%s ends=%s status=%s",
		s.path, (request{method: a.method}).verb(), a.body, a.framing, a.client, a.header, max(a.times, 1), args, a.host, ends,
		strings.ReplaceAll(strings.Trim(fmt.Sprint(a.status), "[]"), " ", ","))
}

// run runs a stream's script.
func (s *mstream) run(name string) {
	defer s.m.scripts.Done()
	if s.script == nil {
		s.plain()
		return
	}
	out := s.tried()
	s.m.rec.verdict(name, out)
	s.m.mu.Lock()
	over := s.over
	s.m.mu.Unlock()
	if !over && out.status == Fail {
		s.giveUp(codeInternal) // so that no client waits
	}
}

// plain answers what is no script.
func (s *mstream) plain() {
	if s.path == "/ok" {
		s.ok()
	} else {
		s.reply(404, "mirror: no such script\n")
	}
}

func (s *mstream) tried() (out outcome) { return tried(func() { s.script.run(s) }) }

// tried runs what may end by failing.
func tried(do func()) (out outcome) {
	defer func() {
		switch v := recover().(type) {
		case nil:
			out = outcome{status: Pass}
		case failure:
			out = outcome{status: Fail, seen: v.seen, expected: v.expected}
		default:
			panic(v)
		}
	}()
	do()
	return out
}

// scriptOf finds a script of streams, nil if there is none.
func (m *mirror) scriptOf(path string) *hostScript {
	for i := range m.table {
		if s := &m.table[i]; s.path == path && s.run != nil {
			return s
		}
	}
	return nil
}

// live greets as the mirror's life wants it.
func (m *mirror) live() {
	defer m.scripts.Done()
	for i := range m.table {
		if s := &m.table[i]; s.path == m.set.life && s.live != nil {
			m.rec.verdict(s.path, tried(func() { s.live(m) }))
			return
		}
	}
	m.awaitHello()
	m.greet(nil)
}

// awaitHello waits for the greeting.
func (m *mirror) awaitHello() {
	m.await(m.set.patience, func() bool { return m.greeted || m.ended })
}
