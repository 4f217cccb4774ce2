// Gwport is the port program with the bundled apps. A Cowboy application starts it; `gwport --help` says more.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/gwport/gwport/apps"
	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/cmd/gwport/check"
	"github.com/gwport/gwport/cmd/gwport/dev"
	"github.com/gwport/gwport/cmd/gwport/scaffold"
	"github.com/gwport/gwport/cmd/gwport/term"
)

const usage = `gwport is a port program: an Erlang or Elixir application starts it and forwards
Cowboy's requests to the Go apps in it, over its standard input and output.
Started by hand it has nobody to talk to.

  gwport --version                    print versions and exit
  gwport new NAME                     make a project with a Go program in it; see --help
  gwport dev DIR                      build and run a Go program at each change
  gwport check -- COMMAND             check any port program against SPEC.md
  gwport term                         print terms, and captured frames; see --help
  GWPORT_HTTP=localhost:8080 gwport   serve the apps by net/http, to develop them
  GWPORT_FAULTS=1                     serve the app faults too, which any client
                                      can end the program with: for tests only

Apps, each at /NAME:
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run gives the exit code: 2 for a mistake in the arguments, 1 if serving failed, 0 after a clean drain.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "check" {
		return check.Main(args[1:], stdout, stderr)
	}
	if len(args) > 0 && args[0] == "new" {
		return scaffold.Main(args[1:], stdout, stderr)
	}
	if len(args) > 0 && args[0] == "dev" {
		return dev.Main(args[1:], os.Stdin, stdout, stderr)
	}
	if len(args) > 0 && args[0] == "term" {
		return term.Main(args[1:], os.Stdin, stdout, stderr)
	}
	flags := flag.NewFlagSet("gwport", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // what it would say is said below
	showVersion := flags.Bool("version", false, "")
	err := flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		help(stdout)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "gwport: %v; see gwport --help\n", err)
		return 2
	case *showVersion:
		fmt.Fprintln(stdout, version())
		return 0
	}
	// The handler without a name is for a route that names no app, and for "/" in development.
	srv := bridge.Server{Name: "gwport", Handler: apps.Index(), Apps: apps.Handlers()}
	err = srv.Serve()
	switch {
	case err == nil:
		return 0
	case !errors.Is(err, bridge.ErrNotPort): // of which Serve has said all there is to say
		fmt.Fprintln(stderr, err)
	}
	return 1
}

func help(w io.Writer) {
	fmt.Fprint(w, usage)
	for _, a := range apps.All() {
		fmt.Fprintf(w, "  %-8s  %s\n", a.Name, a.Summary)
	}
}

func version() string {
	module := "(devel)"
	if info, ok := debug.ReadBuildInfo(); ok {
		module = cmp.Or(info.Main.Version, module)
	}
	return fmt.Sprintf("gwport %s, %s, wire version %d", module, runtime.Version(), bridge.WireVersion)
}
