// Package check is `gwport check -- COMMAND`: it plays the BEAM's side of the wire
// (SPEC.md) against a port program in any language, and tells rule by rule whether
// the program keeps to it. The mirror of that, test/mirror, plays the program's
// side against a host.
//
// Package program checks programs, package host checks hosts. Both play scripts
// (test/corpus), and what scripts cannot say is code; both have the wire, and the
// watch of all that the other side writes, from package peer.
package check

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gwport/gwport/cmd/gwport/check/program"
)

const usage = `Usage: gwport check [--json] [--rule ID ...] [--timeout D] -- COMMAND [ARGS]

Plays the BEAM's side of the wire against any port program, and tells which rules of
SPEC.md it keeps. Rules about bodies, credit and abort need the app gwport.check (SPEC.md,
section 13) in the program; without it they are not tested.

  --rule ID     check this rule only, such as C3 (again for more, or with commas)
  --timeout D   wait so long for what must come (default 5s), twice as long for a program's start
  --json        print the report as JSON:
                {"command": [...], "program": "...", "passed": N, "failed": N, "not_tested": N, "ms": N,
                 "results": [{"rule", "name", "status": "pass" | "FAIL" | "not tested",
                              "seen", "expected", "reason", "ms"}, ...]}

Exit code: 0 no rule failed; 1 a rule failed, or the program cannot be greeted; 2 a mistake
in the arguments, or it cannot be started. A SHOULD counts as a rule. Rules that bind a host
are test/mirror's.
`

// Main is the command; args are those behind "check".
func Main(args []string, stdout, stderr io.Writer) int {
	o, asJSON, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "gwport check: %v; see gwport check --help\n", err)
		return 2
	}
	rep, err := program.Run(o)
	if err != nil {
		fmt.Fprintf(stderr, "gwport check: %v\n", err)
		return 2
	}
	return rep.Print(stdout, asJSON)
}

func parse(args []string) (o program.Options, asJSON bool, err error) {
	flags := flag.NewFlagSet("gwport check", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&asJSON, "json", false, "")
	flags.DurationVar(&o.Patience, "timeout", 5*time.Second, "")
	flags.Func("rule", "", func(s string) error {
		o.Rules = append(o.Rules, strings.Split(s, ",")...)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return o, false, err
	}
	o.Command = flags.Args()
	switch {
	case len(o.Command) > 0 && !slices.Contains(args, "--"):
		err = fmt.Errorf("no -- before %s", o.Command[0])
	case len(o.Command) == 0:
		err = errors.New("no command")
	case o.Patience <= 0:
		err = fmt.Errorf("a timeout of %v", o.Patience)
	}
	return o, asJSON, err
}
