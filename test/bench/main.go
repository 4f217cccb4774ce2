// Bench measures gwport beside what it stands in for and what it replaces: Cowboy's own Erlang handlers, a proxy to
// a Go server, a port written in an afternoon, nginx. README.md of the repository has the commands, RESULTS.md what
// they gave.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command's flags.
type options struct {
	root, before  string
	out, report   string
	readme        string
	only, loads   string
	rounds        int
	duration      time.Duration
	list, profile bool
	quick, resume bool
	growth        bool
	attacks       bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout)
	if ctx.Err() != nil {
		err = errors.New("bench: interrupted; with -out, the loads that were finished are kept, and -resume does the others")
	}
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// minDuration is the shortest run whose clock ticks are worth counting.
const minDuration = 100 * time.Millisecond

func command(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.root, "root", "../..", "the repository's `folder`")
	flags.StringVar(&o.before, "before", "", "`folder` of an earlier tree of the repository, built, whose gwport takes part beside today's")
	flags.StringVar(&o.out, "out", "", "`folder` for results.jsonl, RESULTS.md and results.svg; else the report is printed")
	flags.BoolVar(&o.resume, "resume", false, "keep what results.jsonl in the folder of -out has of this tree, and run only loads that it lacks")
	flags.StringVar(&o.readme, "readme", "", "put the table of the README into this `file`")
	flags.StringVar(&o.report, "report", "", "make the report again from this `file` of results, and run nothing")
	flags.StringVar(&o.only, "only", "", "contestants whose name fits this `regexp`")
	flags.StringVar(&o.loads, "loads", "", "loads whose name fits this `regexp`")
	flags.BoolVar(&o.quick, "quick", false, "seven loads and the contestants that count most")
	flags.BoolVar(&o.growth, "growth", false, "the loads that show how costs grow, in the place of the others")
	flags.BoolVar(&o.attacks, "attacks", false, "hello beside attacks, by Cowboy's own handler and both mounts, in the place of the others")
	flags.IntVar(&o.rounds, "repeat", 3, "rounds")
	flags.DurationVar(&o.duration, "duration", 2*time.Second, "of a run of the main rows; the others are two thirds of it, and all a second or more")
	flags.BoolVar(&o.profile, "profile", false, "look where the time of a hello goes, into PROFILE.md")
	flags.BoolVar(&o.list, "list", false, "list contestants and loads")
	flags.SetOutput(io.Discard)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(out)
		flags.Usage()
		return err
	case err != nil:
		return fmt.Errorf("bench: %w; -help lists the flags", err)
	case flags.NArg() > 0:
		return fmt.Errorf("bench: unexpected argument %q", flags.Arg(0))
	case o.resume && o.out == "":
		return errors.New("bench: -resume wants -out, the folder of what is to be resumed")
	case o.rounds < 1:
		return fmt.Errorf("bench: -repeat %d, expected at least 1", o.rounds)
	case o.duration < minDuration:
		return fmt.Errorf("bench: -duration %v, expected at least %v", o.duration, minDuration)
	}
	switch {
	case o.list:
		return list(out)
	case o.report != "":
		res, err := readResultsFile(o.report)
		if err != nil {
			return err
		}
		return o.publish(res, out)
	}
	return o.run(ctx, args, out)
}

func (o options) plan() (plan, error) {
	p := plan{rounds: o.rounds, duration: o.duration, mixed: o.before != ""}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return p, err
	}
	which, err := regexp.Compile(o.loads)
	if err != nil {
		return p, err
	}
	p.contestants = slices.DeleteFunc(contestants(), func(c contestant) bool { return !only.MatchString(c.name) || c.earlier && o.before == "" })
	p.loads = loads()
	if o.growth {
		p.loads = growthLoads()
	}
	if o.attacks {
		p.attacked()
	}
	p.loads = slices.DeleteFunc(p.loads, func(l load) bool { return !which.MatchString(l.name) })
	if o.quick {
		p.hurry()
	}
	if len(p.contestants) == 0 || len(p.loads) == 0 {
		return p, errors.New("bench: nothing fits; -list shows the names")
	}
	return p, nil
}

func (o options) run(ctx context.Context, args []string, out io.Writer) error {
	p, err := o.plan()
	if err != nil {
		return err
	}
	for _, tool := range []string{"wrk", "h2load"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("bench: there is no %s; `.ci/setup bench` brings it", tool)
		}
	}
	root, err := filepath.Abs(o.root)
	if err != nil {
		return err
	}
	before := o.before
	if before != "" {
		if before, err = filepath.Abs(before); err != nil {
			return err
		}
	}
	b, err := newBench(ctx, root, before, out)
	if err != nil {
		return err
	}
	defer b.close()
	res := &Results{
		Command: strings.Join(append([]string{"bench"}, args...), " "),
		Started: time.Now().UTC().Format("2006-01-02 15:04 MST"),
		Machine: append(machine(), Fact{"Runs", fmt.Sprintf("%d rounds, -duration %v", p.rounds, p.duration)}), Versions: b.versions(ctx),
	}
	if o.profile {
		all, err := b.profile(ctx, o.duration)
		if err != nil {
			return err
		}
		return o.publishProfile(res, all, out)
	}
	if err := o.measure(ctx, b, p, res); err != nil {
		return err
	}
	return o.publish(res, out)
}

// measure runs the plan, without what is there already, and keeps the runs of each load as soon as it has them.
func (o options) measure(ctx context.Context, b *bench, p plan, res *Results) error {
	if o.resume {
		if err := res.resume(o.out); err != nil {
			return err
		}
		p.loads = slices.DeleteFunc(p.loads, func(l load) bool { return res.whole(p, l) })
	}
	return b.run(ctx, p, func(l load, runs []Run) error {
		res.forget(l)
		res.Runs = append(res.Runs, runs...)
		if o.out == "" {
			return nil
		}
		return res.save(o.out)
	})
}

func (o options) publishProfile(res *Results, all []profile, say io.Writer) error {
	if o.out == "" {
		return writeProfile(say, res, all)
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	return writeFile(filepath.Join(o.out, "PROFILE.md"), func(w io.Writer) error { return writeProfile(w, res, all) })
}

// publish writes the report, or says it.
func (o options) publish(res *Results, say io.Writer) error {
	if o.readme != "" {
		if err := updateReadme(o.readme, res); err != nil {
			return err
		}
		fmt.Fprintf(say, "bench: wrote the table of %s\n", o.readme)
	}
	if o.out == "" {
		return writeReport(say, res, "")
	}
	if err := res.save(o.out); err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer) error{
		"RESULTS.md":  func(w io.Writer) error { return writeReport(w, res, "results.svg") },
		"results.svg": func(w io.Writer) error { return writePlot(w, res) },
	} {
		if err := writeFile(filepath.Join(o.out, name), write); err != nil {
			return err
		}
	}
	fmt.Fprintf(say, "bench: wrote RESULTS.md, results.svg and results.jsonl to %s\n", o.out)
	return nil
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

func list(out io.Writer) error {
	for _, c := range contestants() {
		fmt.Fprintf(out, "%-20s %s\n", c.name, c.title)
	}
	fmt.Fprintln(out)
	for _, l := range slices.Concat(loads(), growthLoads(), attackLoads()) {
		fmt.Fprintf(out, "%-20s %s\n", l.name, l.title)
	}
	return nil
}
