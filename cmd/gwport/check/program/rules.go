package program

import (
	"sync"

	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/test/corpus"
)

// rule is a line of the report. A rule without a check is the watch's.
type rule struct {
	id    string
	name  string
	check func(*trial)
	alone bool // measures time, or needs the machine
}

// inCode are the checks that are no scripts: they measure time, draw lots, look at
// the process, or go to the edge of what the program has announced.
var inCode = map[string]func(*trial){
	"a program started by hand says so, or ends":              checkByHand,
	"descriptor 2 is connected to GWPORT_STDERR before ready": checkStderr,
	"children do not inherit the descriptors of the wire":     checkDescriptors,
	"ready has all keys, within their limits":                 checkReady,
	"never a byte beyond credit, over random grants":          checkRandomGrants,
	"a grant when half of the window is free":                 checkGrantsAtHalf,
	"thousands of streams at a time":                          checkThousands,
}

// rules are the lines, in the order of SPEC.md.
var rules = sync.OnceValue(func() (all []rule) {
	for _, s := range peer.Scripts(corpus.ProgramScripts) {
		r := rule{id: s.Rule, name: s.Name, alone: s.Is("alone")}
		switch {
		case s.Is("code"):
			r.check = inCode[s.Name]
		case len(s.Lines) > 0:
			r.check = func(t *trial) { play(t, s) }
		}
		all = append(all, r)
	}
	return all
})
