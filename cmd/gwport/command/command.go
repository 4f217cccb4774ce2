// Package command is what the commands `gwport new` and `gwport dev` have in common: how their flags are read, and what
// they say and return at their end.
package command

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// Mistake is an error in the arguments, or in what they name.
type Mistake struct{ Err error }

func (m Mistake) Error() string { return m.Err.Error() }

// Unwrap is for package errors.
func (m Mistake) Unwrap() error { return m.Err }

// Mistakef is a Mistake with a text.
func Mistakef(format string, args ...any) error { return Mistake{fmt.Errorf(format, args...)} }

// Flags are those of a command; it says itself what is wrong with them.
func Flags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// Parse takes flags before, between and behind other arguments, and returns these.
func Parse(flags *flag.FlagSet, args []string) (others []string, err error) {
	for {
		if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, Mistake{err}
		}
		if flags.NArg() == 0 {
			return others, nil
		}
		others, args = append(others, flags.Arg(0)), flags.Args()[1:]
	}
}

// End says what came of a command, and returns its exit code: 0 it has done its work, or shown its usage; 1 it could not;
// 2 a Mistake.
func End(name, usage string, err error, stdout, stderr io.Writer) int {
	switch mistake := (Mistake{}); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case errors.As(err, &mistake):
		fmt.Fprintf(stderr, "%s: %v; see %s --help\n", name, err, name)
		return 2
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}
