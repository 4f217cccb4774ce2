// The comparison serves one set of handlers by net/http and by Cowboy through gwport, sends both the same requests and
// tells where they differ. README.md says how.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"time"

	"github.com/gwport/gwport/test/compare/cases"
)

type options struct {
	only, root     string
	brief, planted bool
}

func main() {
	var o options
	flag.StringVar(&o.only, "only", ".", "the cases to run: a regular expression for THEME/NAME")
	flag.StringVar(&o.root, "root", "../..", "gwport's tree")
	flag.BoolVar(&o.brief, "failures", false, "print only what fails, and the summary")
	flag.BoolVar(&o.planted, "planted", false, "plant faults, and look whether their cases fail; -only is then for their names")
	flag.Parse()
	if err := run(os.Stdout, o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out io.Writer, o options) error {
	matches, err := regexp.Compile(o.only)
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	work, err := os.MkdirTemp("", "compare")
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	defer os.RemoveAll(work) //nolint:errcheck // it is in the system's own folder for such things
	if o.planted {
		return runPlanted(ctx, out, o.root, work, matches)
	}
	s, err := start(ctx, tree{root: o.root}, work)
	if err != nil {
		return err
	}
	defer s.stop()
	began, counts := time.Now(), tally{}
	runAll(ctx, s, cases.Themes(), matches, func(v verdict) {
		counts.add(v)
		if !o.brief || v.kind == failed {
			fmt.Fprintln(out, v.line())
		}
	})
	counts.print(out)
	fmt.Fprintf(out, "%v\n", time.Since(began).Round(time.Second))
	if n := counts.failures(); n > 0 {
		return fmt.Errorf("compare: %d cases differ from net/http and are in no list, or not as it says", n)
	}
	return errors.Join(ctx.Err(), s.at.strayed())
}

// print is the summary: cases and what became of them, by transport and mount.
func (t tally) print(out io.Writer) {
	fmt.Fprintf(out, "%-8s%-8s%8s%8s%8s%8s%8s%8s\n", "", "", "cases", "pass", "forced", "chosen", "not yet", "fail")
	for _, key := range t.keys() {
		kinds, all := t[key], 0
		for _, n := range kinds {
			all += n
		}
		fmt.Fprintf(out, "%-8s%-8s%8d%8d%8d%8d%8d%8d\n", key[0], key[1], all,
			kinds[passed], kinds["forced"], kinds["chosen"], kinds["not yet"], kinds[failed])
	}
}
