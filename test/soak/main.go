// The soak serves clients of every kind by both mounts of a real Cowboy while the programs behind them are killed, stopped,
// drained, reloaded and resized, and holds every answer, and a ledger that the app writes, against what was asked for. README.md says how.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

// options of a soak.
type options struct {
	root     string
	duration time.Duration
	every    time.Duration
	deadline time.Duration
	seed     uint64
	ports    int
}

func main() {
	var o options
	flag.StringVar(&o.root, "root", "../..", "gwport's tree, built")
	flag.DurationVar(&o.duration, "duration", 10*time.Minute, "how long there are faults")
	flag.DurationVar(&o.every, "every", 4*time.Second, "the time from one fault to the next")
	flag.DurationVar(&o.deadline, "deadline", 15*time.Second, "the mounts' deadline; a request is lost five seconds later")
	flag.Uint64Var(&o.seed, "seed", 0, "of all that is drawn; 0: one that is drawn itself, and printed")
	flag.IntVar(&o.ports, "ports", 2, "the pool's ports")
	flag.Parse()
	found, err := soak(os.Stdout, tree{root: o.root}, &o)
	if err == nil {
		err = found.verdict()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
