// Package term is `gwport term`: terms from one form into another, and a captured
// wire of gwport frame by frame, at the command line.
package term

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gwport/gwport/etf"
)

const usage = `Usage: gwport term [--from FORM] [--to FORM] [--unicode] [--tagged] [INPUT]
       gwport term --wire [--from FORM] [--unicode] [--secrets] [INPUT]

Reads one term and writes it in another form. INPUT is the text itself; without it, what
comes on standard input. The forms:

  erl      Erlang's syntax, as a source has it and ~0p prints it
  json     JSON
  raw      the external term format, as term_to_binary/1 makes it
  hex      the same in hex digits, with white space or without
  base64   the same in base64

  --from FORM    what the input is (default hex; with --wire raw, and erl and json are none)
  --to FORM      what the output is to be (default erl)
  --unicode      print text of all characters as text, as ~0tp does
  --tagged       in JSON, write and read what JSON has not as objects with one key:
                   {"$atom":"a"}  {"$tuple":[...]}  {"$binary":"BASE64"}  {"$map":[[KEY,VALUE],...]}
                   {"$improper":[[...],TAIL]}  {"$term":"BASE64"}, any other, as in raw
                 Without it a term with such is an error. These need none: integers, floats, lists, the
                 atoms true, false and null, binaries in UTF-8 (strings), maps whose keys are such.
  --max-bytes N  bound the input, in bytes (default 67108864, 64 MiB; at most 1099511627776, 1 TiB),
                 and what a compressed term is inflated to
  --max-depth N  bound the nesting (default 1000; at most 65536)

With --wire the input is what a side of gwport's wire has written, and each frame is a line: its
offset, kind, stream and payload. Left out of it, as of gwport's own log, are secrets:
  - bodies: the bytes of chunk, the body of reply
  - the values of the fields authorization, cookie, proxy-authorization and set-cookie
  - the query of a request
  - payloads that are not as SPEC.md has them
In their places stands how many bytes they have. --secrets shows all.

Exit code: 0 done; 1 the input is not what it should be; 2 a mistake in the arguments.
`

type options struct {
	from, to                       string
	wire, unicode, tagged, secrets bool
	maxBytes, maxDepth             int
	input                          []string
}

// Main is the command; args are those behind "term".
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "gwport term: %v; see gwport term --help\n", err)
		return 2
	}
	if err := o.run(stdin, stdout); err != nil {
		fmt.Fprintf(stderr, "gwport term: %v\n", err)
		return 1
	}
	return 0
}

func parse(args []string) (o options, err error) {
	flags := flag.NewFlagSet("gwport term", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.from, "from", "", "")
	flags.StringVar(&o.to, "to", "erl", "")
	flags.BoolVar(&o.wire, "wire", false, "")
	flags.BoolVar(&o.unicode, "unicode", false, "")
	flags.BoolVar(&o.tagged, "tagged", false, "")
	flags.BoolVar(&o.secrets, "secrets", false, "")
	flags.IntVar(&o.maxBytes, "max-bytes", 64<<20, "")
	flags.IntVar(&o.maxDepth, "max-depth", 1000, "")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	o.input = flags.Args()
	forms := "erl json raw hex base64"
	if o.from == "" {
		o.from = map[bool]string{false: "hex", true: "raw"}[o.wire]
	}
	if o.wire {
		forms = "raw hex base64"
	}
	return o, o.check(strings.Fields(forms))
}

// The most that the limits can be: the multiples of mostBytes in limits are to fit
// an int, and each level of JSON takes stack.
const (
	mostBytes = min(1<<40, math.MaxInt/64)
	mostDepth = 1 << 16
)

func (o *options) check(forms []string) error {
	known := func(form string, forms ...string) bool {
		return strings.Contains(" "+strings.Join(forms, " ")+" ", " "+form+" ")
	}
	switch {
	case !known(o.from, forms...):
		return fmt.Errorf("--from %q, expected one of %s", o.from, strings.Join(forms, ", "))
	case !known(o.to, "erl", "json", "raw", "hex", "base64"):
		return fmt.Errorf("--to %q, expected one of erl, json, raw, hex, base64", o.to)
	case o.wire && o.to != "erl":
		return errors.New("--to and --wire do not go together")
	case o.secrets && !o.wire:
		return errors.New("--secrets is for --wire")
	case o.maxBytes < 1 || o.maxBytes > mostBytes:
		return fmt.Errorf("--max-bytes %d, expected 1 to %d", o.maxBytes, mostBytes)
	case o.maxDepth < 1 || o.maxDepth > mostDepth:
		return fmt.Errorf("--max-depth %d, expected 1 to %d", o.maxDepth, mostDepth)
	case len(o.input) > 1:
		return fmt.Errorf("unexpected argument %q", o.input[1])
	}
	return nil
}

func (o *options) run(stdin io.Reader, stdout io.Writer) error {
	input, err := o.read(stdin)
	if err != nil {
		return err
	}
	if o.wire {
		return o.printWire(input, stdout)
	}
	term, err := o.decode(input)
	if err != nil {
		return err
	}
	out, err := o.encode(term)
	if err != nil {
		return err
	}
	_, err = stdout.Write(out)
	return err
}

// read reads the input, as bytes where its form is a text of bytes.
func (o *options) read(stdin io.Reader) (data []byte, err error) {
	if len(o.input) == 1 {
		data = []byte(o.input[0])
	} else if data, err = io.ReadAll(io.LimitReader(stdin, int64(o.maxBytes)+1)); err != nil {
		return nil, err
	}
	if len(data) > o.maxBytes {
		return nil, fmt.Errorf("the input has more than --max-bytes, %d", o.maxBytes)
	}
	switch o.from {
	case "hex":
		b, err := fromText(data, hex.DecodeString, badHex)
		if err != nil {
			return nil, fmt.Errorf("%w (the input is read as hex; --from says what else it is)", err)
		}
		return b, nil
	case "base64":
		return fromText(data, base64.StdEncoding.DecodeString, badBase64)
	}
	return data, nil
}

// fromText decodes a text without its white space. at tells which byte of that is
// wrong.
func fromText(data []byte, decode func(string) ([]byte, error), at func(text string, err error) (int, error)) ([]byte, error) {
	text := bytes.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, data)
	b, err := decode(string(text))
	if err != nil {
		i, err := at(string(text), err)
		return nil, fmt.Errorf("at byte %d: %w", inText(data, i), err)
	}
	return b, nil
}

// inText is where in data the byte is that is at i without white space.
func inText(data []byte, i int) int {
	for at, r := range string(data) {
		if unicode.IsSpace(r) {
			continue
		}
		if n := utf8.RuneLen(r); i >= n {
			i -= n
			continue
		}
		return at
	}
	return len(data)
}

func badHex(text string, err error) (int, error) {
	i := strings.IndexFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) })
	if i < 0 { // a digit is missing
		return len(text), err
	}
	return i, err
}

// badBase64 takes the place out of the error, which is to say it once.
func badBase64(text string, err error) (int, error) {
	var corrupt base64.CorruptInputError
	if errors.As(err, &corrupt) {
		return int(corrupt), errors.New("illegal base64 data")
	}
	return len(text), err
}

// limits let pass what is in a file of the size that is taken; what it costs in
// memory is some forty times as much.
func (o *options) limits() etf.Limits {
	terms := 4*o.maxBytes + 1
	return etf.Limits{
		MaxBytes: o.maxBytes, MaxDepth: o.maxDepth, MaxTerms: terms, MaxPairs: terms, MaxAtoms: terms,
		MaxBigBytes: o.maxBytes,
		MaxMemory:   40 * (o.maxBytes + 1<<10),
	}
}

func (o *options) decode(input []byte) (any, error) {
	switch o.from {
	case "erl":
		return etf.Parse(input, o.limits())
	case "json":
		return fromJSON(input, o.limits(), o.tagged)
	}
	return etf.Options{Limits: o.limits(), AllowCompressed: true}.Decode(input)
}

func (o *options) encode(term any) ([]byte, error) {
	switch o.to {
	case "erl":
		return append(etf.AppendText(nil, term, etf.TextOptions{Unicode: o.unicode}), '\n'), nil
	case "json":
		text, err := appendJSON(nil, term, o.tagged)
		return append(text, '\n'), err
	}
	data, err := etf.Append(etf.AppendVersion(nil), term)
	switch o.to {
	case "hex":
		return append(hex.AppendEncode(nil, data), '\n'), err
	case "base64":
		return append(base64.StdEncoding.AppendEncode(nil, data), '\n'), err
	}
	return data, err
}
