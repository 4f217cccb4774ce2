package check

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
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
	report, err := Run(o)
	if err != nil {
		fmt.Fprintf(stderr, "gwport check: %v\n", err)
		return 2
	}
	return report.print(stdout, asJSON)
}

// print writes the report, and returns the exit code.
func (r Report) print(to io.Writer, asJSON bool) int {
	if asJSON {
		_ = r.writeJSON(to)
	} else {
		r.writeText(to)
	}
	if r.Failed > 0 {
		return 1
	}
	return 0
}

func parse(args []string) (o Options, asJSON bool, err error) {
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

func (r Report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// writeText prints a line for each rule and a summary.
func (r Report) writeText(w io.Writer) {
	for _, res := range r.Results {
		fmt.Fprintln(w, res)
	}
	program := r.Program
	if program == "" {
		program = strings.Join(r.Command, " ")
	}
	fmt.Fprintf(w, "%s: %d passed, %d failed, %d not tested, in %.1f s\n",
		program, r.Passed, r.Failed, r.NotTested, float64(r.Millis)/1000)
}

// String is the line; what has line breaks in it has them escaped.
func (r Result) String() string {
	return strings.ReplaceAll(r.line(), "\n", `\n`)
}

func (r Result) line() string {
	line := fmt.Sprintf("%-10s [%s] %s", r.Status, r.Rule, r.Name)
	switch {
	case r.Status == Fail:
		return line + ": seen " + r.Seen + ", expected " + r.Expected
	case r.Status == NotTested:
		return line + ": " + r.Reason
	case r.Seen != "":
		return line + " (" + r.Seen + ")"
	}
	return line
}
