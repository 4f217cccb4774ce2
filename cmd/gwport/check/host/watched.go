package host

import (
	"fmt"
	"io"
	"net"
	"regexp"
)

// Watched are the rules that the mirror's watch holds a host to.
var Watched = []struct{ ID, Name string }{
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

// WatchEnvironment is P2 and P3.
func WatchEnvironment(file io.Writer, versions, socket string) {
	rec := newRecorder(file)
	if !regexp.MustCompile(`^[1-9][0-9]*(-[1-9][0-9]*)?$`).MatchString(versions) {
		rec.broke("P2", fmt.Sprintf("%q", versions), "GWPORT as 1, or 1-3")
	}
	rec.kept("P2")
	if socket == "" {
		return
	}
	c, err := net.Dial("unix", socket)
	if err != nil {
		rec.broke("P3", err.Error(), "a connection to GWPORT_STDERR")
		return
	}
	_ = c.Close()
	rec.kept("P3")
}
