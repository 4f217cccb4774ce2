package peer

import "github.com/gwport/gwport/cmd/gwport/check/report"

// A check is a function, or a script, that reads from top to bottom. What it
// waits for and does not get ends it there, by a panic that Try catches, as a
// test's FailNow does: an error returned from each of four lines in five would
// hide what is checked.
type (
	// Failure ends a check whose rule is broken.
	Failure struct{ Seen, Expected string }
	// Skipped ends one that cannot be made.
	Skipped struct{ Reason string }
	// CannotStart ends the whole run.
	CannotStart struct{ Err error }
)

// Fail ends the check.
func Fail(seen, expected string) { panic(Failure{seen, expected}) }

// With adds to a failure what it was about, for a check of many cases.
func With(what string, do func()) {
	defer func() {
		v := recover()
		if f, failed := v.(Failure); failed {
			f.Expected += " for " + what
			v = f
		}
		if v != nil {
			panic(v)
		}
	}()
	do()
}

// Try runs what may end so.
func Try(do func()) (out report.Outcome) {
	defer func() {
		switch v := recover().(type) {
		case nil:
			out = report.Outcome{Status: report.Pass}
		case Failure:
			out = report.Failed(v.Seen, v.Expected)
		case Skipped:
			out = report.Untested(v.Reason)
		case CannotStart:
			out = report.Outcome{Err: v.Err}
		default:
			panic(v)
		}
	}()
	do()
	return out
}
