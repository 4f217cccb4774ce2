package host

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/cmd/gwport/check/report"
	"github.com/gwport/gwport/etf"
)

// stream is one stream of the mirror. The fields are guarded by its lock.
type stream struct {
	peer.Stream
	m       *mirror
	script  *Script // nil: the path names none
	path    string
	app     string
	goAhead bool

	quiet  string // the rule by which the host must not say anything more
	whole  int64  // the first of our credit
	sent   int    // bytes of a patterned body
	silent bool   // do not answer an abort
}

// run runs a stream's script, and answers what is none.
func (s *stream) run() {
	defer s.m.scripts.Done()
	switch {
	case s.script != nil:
		p := &player{m: s.m, s: s}
		out := peer.Try(func() { s.script.play(p) })
		s.m.rec.verdict(s.script.Path, out)
		if over := s.Holds(func() bool { return s.Sent }); !over && out.Status == report.Fail {
			s.GiveUp(frames.Internal) // so that no client waits
		}
	case s.path == "/ok":
		s.ok()
	default:
		s.SendTerm(frames.Reply, etf.Tuple{404, etf.List{}, "mirror: no such script\n"})
	}
}

func (s *stream) ok() { s.SendTerm(frames.Reply, etf.Tuple{200, etf.List{}, "ok\n"}) }

// part sends the next bytes of a patterned body, as far as credit goes.
func (s *stream) part(n int) {
	s.sent += n
	s.Body(peer.Pattern(s.sent-n, n))
}

// request waits for the end of the request, which must not be an abort, and have
// had so many bytes, if that is not -1.
func (s *stream) request(n int64) {
	s.AwaitOr("the end of the request", s.HasEnded)
	if s.Abort != nil {
		peer.Fail(s.Abort.String(), "fin")
	}
	if n >= 0 && s.Got != n {
		peer.Fail(fmt.Sprintf("%v behind %d bytes", s.How(), s.Got), fmt.Sprintf("%d bytes", n))
	}
}

// expectAbort waits for the host's abort, of one of some codes.
func (s *stream) expectAbort(names string) {
	var expected []string
	for name := range strings.SplitSeq(names, " or ") {
		expected = append(expected, frames.NameCode(frames.Abort, peer.CodeOf(frames.Abort, name)))
	}
	all := strings.Join(expected, " or ")
	s.AwaitOr(all, func() bool { return s.Abort != nil })
	if code, _ := s.Abort.Reason(); !slices.Contains(expected, frames.NameCode(frames.Abort, code)) {
		peer.Fail(s.Abort.String(), all)
	}
}

// nothingMore holds the host to silence about the stream from here on, and returns
// when it has taken what was sent before: what breaks the silence breaks rule.
func (s *stream) nothingMore(rule string) {
	s.Locked(func() { s.quiet = rule })
	s.Ping()
}
