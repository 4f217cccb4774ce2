// Package scaffold is `gwport new`: a project with a Go program in it, for rebar3 or Mix, or a Go program for a
// project that is there. What it writes is in templates/.
package scaffold

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

const usage = `Usage: gwport new [--mix] [--checkout DIR] NAME
       gwport new --into DIR [--checkout DIR] NAME

Makes the folder NAME with a rebar3 project: an application, a pool with a Go program (in go/), a Cowboy
listener with a route /NAME to it, tests of both, a release, a Dockerfile, and a Makefile with
dev, test, lint and release.

  --mix           make a Mix project, in Elixir
  --into DIR      add the Go program to the rebar3 or Mix application in DIR, as DIR/NAME, and say what
                  else is to be added, and where; what is there is not changed, but for a rebar.config
                  that has neither deps nor pre_hooks, which gets both
  --checkout DIR  take gwport from a checkout in DIR, by a link in _checkouts, and not from ` + repository + `

The project has gwport in the version that this command is of, so that
  go run ` + modulePath + `/cmd/gwport@VERSION new NAME
chooses it. One that was built in a checkout is of no version, and wants --checkout.

Exit code: 0 done; 1 something could not be written, or ` + "`go mod tidy`" + ` failed; 2 a mistake in the arguments, such
as a name that cannot be one, or a folder that is there.
`

type options struct {
	name, into, checkout string
	mix                  bool
}

// errUsage is a mistake in the arguments.
type errUsage struct{ error }

// Main is the command; args are those behind "new".
func Main(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return 0
	}
	if err == nil {
		err = o.run(stdout)
	}
	switch mistake := (errUsage{}); {
	case errors.As(err, &mistake):
		fmt.Fprintf(stderr, "gwport new: %v; see gwport new --help\n", err)
		return 2
	case err != nil:
		fmt.Fprintf(stderr, "gwport new: %v\n", err)
		return 1
	}
	return 0
}

// parse takes flags before and behind the name.
func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("gwport new", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.into, "into", "", "")
	flags.StringVar(&o.checkout, "checkout", "", "")
	flags.BoolVar(&o.mix, "mix", false, "")
	var names []string
	for {
		if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
			return o, err
		} else if err != nil {
			return o, errUsage{err}
		}
		if flags.NArg() == 0 {
			break
		}
		names, args = append(names, flags.Arg(0)), flags.Args()[1:]
	}
	switch {
	case len(names) == 0:
		return o, errUsage{errors.New("no name")}
	case len(names) > 1:
		return o, errUsage{fmt.Errorf("unexpected argument %q", names[1])}
	case o.mix && o.into != "":
		return o, errUsage{errors.New("--mix and --into do not go together: what is in the folder says which it is")}
	}
	o.name = names[0]
	if err := checkName(o.name, o.mix); err != nil {
		return o, errUsage{err}
	}
	return o, nil
}

func (o options) run(stdout io.Writer) error {
	p, err := o.plan()
	if err != nil {
		return err
	}
	if o.into != "" {
		return p.addTo(stdout, o.into)
	}
	return p.make(stdout, o.name)
}
