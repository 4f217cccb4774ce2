// Package scaffold is `gwport new`: a project with a Go program in it, for rebar3 or Mix, or a Go program for a
// project that is there. What it writes is in templates/.
package scaffold

import (
	"io"

	"github.com/gwport/gwport/cmd/gwport/command"
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

// Main is the command; args are those behind "new".
func Main(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err == nil {
		err = o.run(stdout)
	}
	return command.End("gwport new", usage, err, stdout, stderr)
}

// parse takes flags before and behind the name.
func parse(args []string) (o options, err error) {
	flags := command.Flags("gwport new")
	flags.StringVar(&o.into, "into", "", "")
	flags.StringVar(&o.checkout, "checkout", "", "")
	flags.BoolVar(&o.mix, "mix", false, "")
	names, err := command.Parse(flags, args)
	if err != nil {
		return o, err
	}
	switch {
	case len(names) == 0:
		return o, command.Mistakef("no name")
	case len(names) > 1:
		return o, command.Mistakef("unexpected argument %q", names[1])
	case o.mix && o.into != "":
		return o, command.Mistakef("--mix and --into do not go together: what is in the folder says which it is")
	}
	o.name = names[0]
	if err := checkName(o.name, o.mix); err != nil {
		return o, command.Mistake{Err: err}
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
