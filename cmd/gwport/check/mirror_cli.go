package check

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"time"
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
		for _, s := range hostScripts() {
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
	mirrorOptions
	report, read    string
	scripts, asJSON bool
}

func parseHost(args []string) (o hostOptions, err error) {
	flags := flag.NewFlagSet("mirror", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.report, "report", "", "")
	flags.StringVar(&o.read, "read", "", "")
	flags.StringVar(&o.life, "life", "", "")
	flags.StringVar(&o.hold, "hold", "", "")
	flags.IntVar(&o.window, "window", 65_536, "")
	flags.IntVar(&o.maxHead, "max-head", 65_536, "")
	flags.IntVar(&o.maxStreams, "max-streams", 10_000, "")
	flags.BoolVar(&o.scripts, "scripts", false, "")
	flags.BoolVar(&o.asJSON, "json", false, "")
	flags.DurationVar(&o.patience, "timeout", 5*time.Second, "")
	err = flags.Parse(args)
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.report == "" && o.read == "" && !o.scripts:
		err = errors.New("no --report FILE")
	case o.window < 0:
		err = fmt.Errorf("--window %d, expected at least 0", o.window)
	case o.maxHead < 1:
		err = fmt.Errorf("--max-head %d, expected at least 1", o.maxHead)
	case o.maxStreams < 1:
		err = fmt.Errorf("--max-streams %d, expected at least 1", o.maxStreams)
	case o.patience <= 0:
		err = fmt.Errorf("--timeout %v, expected more than 0", o.patience)
	case o.life != "" && !isLife(o.life):
		err = fmt.Errorf("no such life: %q", o.life)
	}
	return o, err
}

func isLife(name string) bool {
	return slices.ContainsFunc(hostScripts(), func(s hostScript) bool { return s.path == name && s.live != nil })
}

// play is the port program.
func (o hostOptions) play(stdin io.Reader, stdout io.Writer) (int, error) {
	file, err := os.OpenFile(o.report, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer file.Close() //nolint:errcheck // each record is written by then
	rec := newRecorder(file)
	watchEnvironment(rec, os.Getenv("GWPORT"), os.Getenv("GWPORT_STDERR"))
	return newMirror(o.mirrorOptions, stdin, stdout, rec).serve(), nil
}

// watchEnvironment is P2 and P3.
func watchEnvironment(rec *recorder, versions, socket string) {
	if !regexp.MustCompile(`^[1-9][0-9]*(-[1-9][0-9]*)?$`).MatchString(versions) {
		rec.broke("P2", fmt.Sprintf("%q", versions), "GWPORT as 1, or 1-3")
	}
	rec.kept("P2")
	if socket == "" {
		return
	}
	c, err := net.Dial("unix", socket)
	if err != nil {
		rec.broke("P3", err.Error(), "a connection to GWPORT_STDERR")
		return
	}
	_ = c.Close()
	rec.kept("P3")
}

func (o hostOptions) readReport(stdout, stderr io.Writer) int {
	file, err := os.Open(o.read)
	if err != nil {
		fmt.Fprintf(stderr, "mirror: %v\n", err)
		return 2
	}
	defer file.Close() //nolint:errcheck // it was only read
	report, err := hostReport(file)
	if err != nil {
		fmt.Fprintf(stderr, "mirror: %s: %v\n", o.read, err)
		return 2
	}
	return report.print(stdout, o.asJSON)
}
