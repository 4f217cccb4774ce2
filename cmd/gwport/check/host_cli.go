package check

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/gwport/gwport/cmd/gwport/check/host"
)

const hostUsage = `Usage: mirror --report FILE [--window N] [--max-head N] [--max-streams N] [--life NAME [--hold SOCKET]]
       mirror --scripts
       mirror --read FILE [--json]

The first is a port program: a host starts it as any other, and it holds the host to those
rules of SPEC.md that bind a host. What a request does to the host is in its path; FILE gets a
line of JSON for each thing seen. The second prints the paths, and for each what the client has
to do and the arguments the program is to be started with; the client appends to FILE what it got:

  {"client": PATH, "code": 200, "whole": true, "informs": 0, "crc": CRC-32 of the body}

A line of --scripts has

  path, method     what to ask for; the path stands behind a slash
  body, framing    bytes of the request's body, the i-th being i mod 251, sent with its length, chunked,
                   or continue: with its length and Expect: 100-continue, and when told to go on
  client           nothing: wait for the response; waits: hold half of the body back until it is there;
                   leaves: the same, and hang up when it begins; left: send all, hang up when the response
                   begins; drain: have the host drain the port when the request is there; none: ask nothing
  header, times    bytes of a header field x-pad; so many clients at once
  args, host       arguments to start the program with (with commas between), options to set in the host
  ends, status     whether the port ends by it; the statuses that a client may get

--timeout D is how long the mirror waits for what must come (default 5s).

The third makes the report of FILE, as gwport check does.

Exit code of --read: 0 no rule failed; 1 a rule failed; 2 a mistake in the arguments, or FILE is no report.
`

// HostMain is the command; args are those behind the program.
func HostMain(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parseHost(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, hostUsage)
		return 0
	case err == nil && o.scripts:
		for _, s := range host.Scripts() {
			fmt.Fprintln(stdout, s)
		}
		return 0
	case err == nil && o.read != "":
		return o.readReport(stdout, stderr)
	}
	var code int
	if err == nil {
		code, err = o.play(stdin, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "mirror: %v; see mirror --help\n", err)
		return 2
	}
	return code
}

type hostOptions struct {
	host.Options
	report, read    string
	scripts, asJSON bool
}

func parseHost(args []string) (o hostOptions, err error) {
	flags := flag.NewFlagSet("mirror", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.report, "report", "", "")
	flags.StringVar(&o.read, "read", "", "")
	flags.StringVar(&o.Life, "life", "", "")
	flags.StringVar(&o.Hold, "hold", "", "")
	flags.IntVar(&o.Window, "window", 65_536, "")
	flags.IntVar(&o.MaxHead, "max-head", 65_536, "")
	flags.IntVar(&o.MaxStreams, "max-streams", 10_000, "")
	flags.BoolVar(&o.scripts, "scripts", false, "")
	flags.BoolVar(&o.asJSON, "json", false, "")
	flags.DurationVar(&o.Patience, "timeout", 5*time.Second, "")
	err = flags.Parse(args)
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.report == "" && o.read == "" && !o.scripts:
		err = errors.New("no --report FILE")
	case o.Window < 0:
		err = fmt.Errorf("--window %d, expected at least 0", o.Window)
	case o.MaxHead < 1:
		err = fmt.Errorf("--max-head %d, expected at least 1", o.MaxHead)
	case o.MaxStreams < 1:
		err = fmt.Errorf("--max-streams %d, expected at least 1", o.MaxStreams)
	case o.Patience <= 0:
		err = fmt.Errorf("--timeout %v, expected more than 0", o.Patience)
	case o.Life != "" && !isLife(o.Life):
		err = fmt.Errorf("no such life: %q", o.Life)
	}
	return o, err
}

func isLife(name string) bool {
	return slices.ContainsFunc(host.Scripts(), func(s host.Script) bool { return s.Path == name && s.IsLife() })
}

// play is the port program.
func (o hostOptions) play(stdin io.Reader, stdout io.Writer) (int, error) {
	file, err := os.OpenFile(o.report, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // each record is written by then
	host.WatchEnvironment(file, os.Getenv("GWPORT"), os.Getenv("GWPORT_STDERR"))
	return host.Serve(o.Options, stdin, stdout, file), nil
}

func (o hostOptions) readReport(stdout, stderr io.Writer) int {
	file, err := os.Open(o.read)
	if err != nil {
		fmt.Fprintf(stderr, "mirror: %v\n", err)
		return 2
	}
	defer file.Close() //nolint:errcheck // it was only read
	rep, err := host.Read(file)
	if err != nil {
		fmt.Fprintf(stderr, "mirror: %s: %v\n", o.read, err)
		return 2
	}
	return rep.Print(stdout, o.asJSON)
}
