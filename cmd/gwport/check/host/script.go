package host

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/etf"
	"github.com/gwport/gwport/test/corpus"
)

// Script is a way in which the mirror behaves, and a line of the report.
type Script struct {
	peer.Script
	ask ask
}

// Lines are those of the report. One without a path is the watch's.
var Lines = sync.OnceValue(func() (all []Script) {
	for _, s := range peer.Scripts(corpus.HostScripts) {
		for _, s := range s.Rows() {
			text := s.Take("ask")
			all = append(all, Script{Script: s, ask: askOf(text)})
		}
	}
	return all
})

// Scripts are the lines that a client asks for by a path.
func Scripts() []Script {
	return slices.DeleteFunc(slices.Clone(Lines()), func(s Script) bool { return s.Path == "" })
}

// IsLife tells a script of the port, from the greeting on, from one of a stream.
func (s Script) IsLife() bool { return s.Is("life") }

// scriptOf finds a script, nil if there is none.
func scriptOf(path string, life bool) *Script {
	for _, s := range Scripts() {
		if s.Path == path && s.IsLife() == life && s.isPlayed() {
			return &s
		}
	}
	return nil
}

// isPlayed tells whether there is anything to do about it: else only the client can
// tell.
func (s Script) isPlayed() bool { return s.Is("code") || len(s.Lines) > 0 }

// ask is what a client has to do, and what it should get. Without a word it is a
// GET without a body by a client that waits for its whole response, and gets 200.
type ask struct {
	method  string
	body    int
	framing string
	client  string
	header  int    // bytes of a header field x-pad
	times   int    // so many clients at a time
	args    string // the mirror's arguments
	host    string // an option of the host's: window=N, max_head=N, greeting_timeout=MS

	ends     bool // the port ends by it
	status   []int
	broken   bool // the response is not whole
	informs  int
	answer   []byte
	bodiless bool
}

// askOf reads the words of an ask: a method, how a body is framed, what the client
// does, =STATUS, and so on.
func askOf(text string) ask {
	a := ask{method: "GET", times: 1, status: []int{200}}
	numbers := map[string]*int{"body": &a.body, "header": &a.header, "times": &a.times, "informs": &a.informs}
	texts := map[string]*string{"args": &a.args, "host": &a.host}
	flags := map[string]*bool{"ends": &a.ends, "broken": &a.broken, "bodiless": &a.bodiless}
	for _, word := range peer.Words(text) {
		key, value, _ := strings.Cut(word, "=")
		switch {
		case key == "waiting": // an upload of which half is held back until there is a response: both halves are open all the while
			a.method, a.body, a.framing, a.client = "POST", 1000, "chunked", "waits"
		case slices.Contains([]string{"length", "chunked", "continue"}, key):
			a.framing = key
		case slices.Contains([]string{"waits", "leaves", "left", "drain", "none"}, key):
			a.client = key
		case numbers[key] != nil:
			*numbers[key] = int(peer.Int64(value, nil))
		case texts[key] != nil:
			*texts[key] = value
		case flags[key] != nil:
			*flags[key] = true
		case key == "answer":
			a.answer = []byte(peer.Term(value, nil).(etf.Binary))
		case key == "":
			a.status = statuses(value)
		default:
			a.method = word
		}
	}
	if a.client == "leaves" || a.client == "none" {
		a.status = nil
	}
	return a
}

// statuses reads numbers with commas between, or none.
func statuses(text string) (all []int) {
	for code := range strings.SplitSeq(text, ",") {
		if n, err := strconv.Atoi(code); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// clients is how many answers there are.
func (a ask) clients() int {
	if a.client == "none" {
		return 0
	}
	return a.times
}

// String is the line that tells a driver what to ask for.
func (s Script) String() string {
	a := s.ask
	ends := "no"
	if a.ends {
		ends = "yes"
	}
	args := a.args
	if s.IsLife() {
		args = "--life=" + s.Path
	}
	return fmt.Sprintf("path=%s method=%s body=%d framing=%s client=%s header=%d times=%d args=%s host=%s ends=%s status=%s",
		s.Path, a.method, a.body, a.framing, a.client, a.header, a.times, args, a.host, ends,
		strings.ReplaceAll(strings.Trim(fmt.Sprint(a.status), "[]"), " ", ","))
}

// play plays a script with the port, or with a stream of it.
func (s *Script) play(p *player) {
	if s.Is("code") {
		inCode[s.Path](p)
		return
	}
	for _, line := range s.Lines {
		peer.Play(p, line)
	}
}
