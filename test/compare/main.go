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
	"slices"
	"strings"
	"time"

	"github.com/gwport/gwport/test/compare/cases"
)

func main() {
	only := flag.String("only", ".", "the cases to run: a regular expression for THEME/NAME")
	root := flag.String("root", "../..", "gwport's tree")
	brief := flag.Bool("failures", false, "print only what fails, and the summary")
	known := flag.String("known", "", "write what fails to this file, as the list of known faults")
	flag.Parse()
	if err := run(os.Stdout, *root, *only, *brief, *known); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(out io.Writer, root, only string, brief bool, known string) error {
	matches, err := regexp.Compile(only)
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
	s, err := start(ctx, tree{root}, work)
	if err != nil {
		return err
	}
	defer s.stop()
	began, counts := time.Now(), tally{}
	var places []string
	runAll(ctx, s, cases.Themes(), matches, func(v verdict) {
		counts.add(v)
		if v.kind == failed || v.kind == "known" {
			places = append(places, v.place())
		}
		if !brief || v.kind == failed {
			fmt.Fprintln(out, v.line())
		}
	})
	counts.print(out)
	if known != "" {
		slices.Sort(places)
		return os.WriteFile(known, []byte(strings.Join(places, "\n")), 0o600)
	}
	fmt.Fprintf(out, "%v\n", time.Since(began).Round(time.Second))
	if n := counts.failures(); n > 0 {
		return fmt.Errorf("compare: %d cases differ from net/http and are in no list, or not as it says", n)
	}
	return errors.Join(ctx.Err(), s.at.strayed())
}

// print is the summary: cases and what became of them, by transport and mount.
func (t tally) print(out io.Writer) {
	fmt.Fprintf(out, "%-8s%-8s%8s%8s%8s%8s%8s%8s\n", "", "", "cases", "pass", "forced", "not yet", "known", "fail")
	for _, key := range t.keys() {
		kinds, all := t[key], 0
		for _, n := range kinds {
			all += n
		}
		fmt.Fprintf(out, "%-8s%-8s%8d%8d%8d%8d%8d%8d\n", key[0], key[1], all,
			kinds[passed], kinds["forced"], kinds["not yet"], kinds["known"], kinds[failed])
	}
}
