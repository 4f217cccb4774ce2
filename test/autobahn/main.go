// Autobahn plays the cases of the Autobahn test suite, which is for WebSocket, against echo servers of gorilla/websocket and
// coder/websocket, by net/http and behind a real Cowboy by both of gwport's mounts, and wants the same verdict of
// each. With -idle it measures what idle connections cost. README.md says what is played, and what is not.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

type options struct {
	only     string
	handler  string
	messages int
	idle     int
}

func main() {
	served, err := servedAs(os.Args)
	if !served {
		var o options
		flag.StringVar(&o.only, "only", "", "play the cases whose number begins with this: 5. or 12.1.3")
		flag.StringVar(&o.handler, "handler", "", "play against this one of "+strings.Join(handlers, " "))
		flag.IntVar(&o.messages, "messages", fewMessages, "how many messages are sent where the suite sends 1000")
		flag.IntVar(&o.idle, "idle", 0, "measure the memory of this many idle connections, and play nothing")
		flag.Parse()
		err = do(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// fewMessages bound the time of chapters 9.7, 9.8, 12 and 13.
const fewMessages = 5

func do(o options) error {
	ctx := context.Background()
	if o.idle > 0 {
		return measureIdle(ctx, os.Stdout, o.idle)
	}
	cases := slices.DeleteFunc(allCases(o.messages), func(t testCase) bool { return !strings.HasPrefix(t.id, o.only) })
	paths := handlers
	if o.handler != "" {
		paths = []string{o.handler}
	}
	if len(cases) == 0 || !slices.Contains(handlers, paths[0]) {
		return fmt.Errorf("autobahn: no case is %q, or no handler %q", o.only, o.handler)
	}
	s, err := newStand(ctx, 0)
	if err != nil {
		return err
	}
	defer s.stop()
	rows := run(s.addrs, paths, cases, func(row) {})
	report(os.Stdout, rows)
	if slices.ContainsFunc(rows, func(r row) bool { return !r.same() }) {
		return errors.New("autobahn: the servers differ")
	}
	return nil
}
