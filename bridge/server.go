package bridge

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// A Server serves the requests that an Erlang system forwards. Its zero value
// works once it has a Handler or Apps; it may serve once.
type Server struct {
	// Handler serves routes that name no app.
	Handler http.Handler

	// Apps serves routes by the app's name that they give. A single app
	// also serves routes that give none, unless there is a Handler.
	Apps map[string]http.Handler

	// Name and Version tell people what runs. The defaults are the
	// executable's name and the main module's version.
	Name, Version string

	// Window is how many bytes of each request's body may arrive before the
	// handler reads: DefaultWindow if 0, none if -1. More of it makes large
	// uploads faster and costs as much memory per request that is not read;
	// with none, every body waits for the handler's first Read. With 0, what
	// may wait for a handler that has read some is 256 KiB, as long as such
	// windows are wider than DefaultWindow by no more than 8 MiB together;
	// with another value it is that value.
	Window int

	// RawConnect leaves an extended CONNECT (RFC 8441), by which a client on HTTP/2 asks
	// for WebSocket, as net/http has it: Method is CONNECT, Header[":protocol"] says for
	// what, body and response are the two directions behind a status of 200. Without it
	// handlers see the request of HTTP/1.1 that asks for the same upgrade: a GET without a
	// body, whose connection Hijack gives them and whose Proto alone is HTTP/2.0.
	RawConnect bool

	// MaxStreams is how many requests may be under way at once:
	// DefaultMaxStreams if 0. The host answers those beyond it with 503.
	MaxStreams int

	// MaxHead bounds a request's head as it travels: DefaultMaxHead if 0.
	// The host answers a larger one with 431.
	MaxHead int

	// MaxFrame bounds any frame to this program: DefaultMaxFrame if 0. It is
	// raised to what MaxHead and a chunk need.
	MaxFrame int

	// AbandonedAfter is how long a handler may go on behind the end of its request
	// before it counts as abandoned: DefaultAbandonedAfter if 0, from a millisecond to an
	// hour. Where the request has ended because its time was over (the deadline, the head
	// timeout or the idle timeout of its route), the stack of the handler is logged then, as
	// a warning with the stream, the method and the path: of ten at most a second, and how
	// many others there are.
	AbandonedAfter time.Duration

	// MaxAbandoned is how many handlers may be abandoned: DefaultMaxAbandoned if 0,
	// none if -1. One more, and the program logs where they hang, takes no new requests,
	// finishes the others and ends, so that the host starts it afresh: goroutines
	// that do not heed their context cannot be got rid of in any other way.
	MaxAbandoned int

	// SpareProcs is by how much [Server.Serve] may raise GOMAXPROCS:
	// DefaultSpareProcs if 0, not at all if -1. It does so only while handlers that
	// use the CPU keep requests waiting for tens of milliseconds, and goes back to
	// Go's default some seconds later. More lets small requests pass more
	// such handlers; a program that sizes anything by GOMAXPROCS may see the
	// larger number. Where the GOMAXPROCS variable is set, or the program has
	// called runtime.GOMAXPROCS with another number than Go's own, it is left alone.
	SpareProcs int

	// Validation says how Apps are validated where the host runs for development (its
	// pool's option dev), and under GWPORT_HTTP; anywhere else they are not, unless
	// [Validate] is around them. What is found is logged by default; Exclude with * in it
	// has them not validated there either.
	Validation Validation
}

var errNoHandler = errors.New("bridge: Server has neither Handler nor Apps")

// settings are a Server's fields, checked and with their defaults.
type settings struct {
	apps           apps
	name, version  string
	rawConnect     bool
	firstWindow    int // credit that a request half begins with
	wideWindow     int // ... and that it is kept at when it is read; 0: as it was
	window         int // credit that it is kept at
	maxStreams     int
	maxHead        int
	maxFrame       int
	abandonedAfter time.Duration
	maxAbandoned   int
	spareProcs     int
	validator      *validator // in development; nil: none
}

func (s *Server) settings() (*settings, error) {
	if s.Handler == nil && len(s.Apps) == 0 {
		return nil, errNoHandler
	}
	set := &settings{
		apps:    apps{s.Handler, s.Apps},
		name:    s.Name,
		version: s.Version,

		rawConnect: s.RawConnect,
	}
	if set.name == "" {
		set.name = programName()
	}
	if set.version == "" {
		set.version = moduleVersion()
	}
	var err error
	for _, o := range []struct {
		name                 string
		value, byDefault     int
		least, most          int
		to                   *int
		minusOneMeansNothing bool
	}{
		{"Window", s.Window, DefaultWindow, 1, wire.MaxWindow, &set.firstWindow, true},
		{"MaxStreams", s.MaxStreams, DefaultMaxStreams, 1, wire.MaxStream, &set.maxStreams, false},
		{"MaxHead", s.MaxHead, DefaultMaxHead, 1, 16 << 20, &set.maxHead, false},
		{"MaxFrame", s.MaxFrame, DefaultMaxFrame, wire.MinMaxFrame, 1 << 30, &set.maxFrame, false},
		{"MaxAbandoned", s.MaxAbandoned, DefaultMaxAbandoned, 1, wire.MaxStream, &set.maxAbandoned, true},
		{"SpareProcs", s.SpareProcs, DefaultSpareProcs, 1, maxSpareProcs, &set.spareProcs, true},
	} {
		switch {
		case o.value == 0:
			*o.to = o.byDefault
		case o.value == -1 && o.minusOneMeansNothing:
			*o.to = 0
		case o.value < o.least || o.value > o.most:
			err = errors.Join(err, fmt.Errorf("bridge: Server.%s is %d, expected %d to %d",
				o.name, o.value, o.least, o.most))
		default:
			*o.to = o.value
		}
	}
	validator, invalid := newValidator(s.Validation)
	set.validator, err = validator, errors.Join(err, invalid)
	set.abandonedAfter = cmp.Or(s.AbandonedAfter, DefaultAbandonedAfter)
	if set.abandonedAfter < time.Millisecond || set.abandonedAfter > time.Hour {
		err = errors.Join(err, fmt.Errorf("bridge: Server.AbandonedAfter is %v, expected 1ms to 1h", s.AbandonedAfter))
	}
	set.maxFrame = max(set.maxFrame, set.maxHead+wire.HeadSlack)
	set.window = set.firstWindow
	if s.Window == 0 {
		set.wideWindow = wideWindow
	}
	if set.window == 0 {
		set.window = DefaultWindow // nothing before the first Read, then as usual
	}
	return set, err
}

// ready is what the greeting says of the program.
func (s *settings) ready() wire.Ready {
	return wire.Ready{
		Window:     s.firstWindow,
		MaxFrame:   s.maxFrame,
		MaxHead:    s.maxHead,
		MaxStreams: s.maxStreams,
		Name:       s.name,
		Version:    s.version,
		Apps:       s.apps.names(),
		Files:      canSendFiles,
		Hijack:     true,
		Evidence:   true,
	}
}

// apps finds the handler of a request.
type apps struct {
	handler http.Handler
	named   map[string]http.Handler
}

// names are what ready announces: the empty one stands for an app that a route need not name, beside
// others. A program with one app and no more announces none.
func (a apps) names() []string {
	names := slices.Sorted(maps.Keys(a.named))
	if len(names) > 0 && a.find("") != nil {
		names = slices.Insert(names, 0, "")
	}
	return names
}

// find returns the handler of that name, or nil.
func (a apps) find(name string) http.Handler {
	switch {
	case name != "":
		return a.named[name]
	case a.handler == nil && len(a.named) == 1:
		for _, h := range a.named {
			return h
		}
	}
	return a.handler
}

func programName() string {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	return filepath.Base(exe)
}

func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
