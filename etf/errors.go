package etf

import "fmt"

// A SyntaxError says that the bytes are not a term in the external format, or
// not one this package reads.
type SyntaxError struct {
	Offset int    // of the byte at which it shows, the version byte being 0
	Msg    string // what is wrong there
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("etf: %s at offset %d", e.Msg, e.Offset)
}

// A LimitError says that a term is larger than the reader of it allows. The
// bytes may well be a good term: a higher limit would tell.
type LimitError struct {
	// Limit is the name of the field in [Limits], or one of these, which no option
	// raises: "int64 bits" of Reader.Int, "depth" of Append and Marshal, "{packet, 1}"
	// to "{packet, 4}" of an Encoder, "maps as keys within keys" of Parse.
	Limit string
	Max   int // what is allowed
	Got   int // what was found up to there, or what the data claims
	// Offset is of the first byte of the term that was too much, the version byte
	// being 0. It is 0 where no term is: for MaxBytes, and for what is written or
	// parsed.
	Offset int
}

// Error implements error.
func (e *LimitError) Error() string {
	if e.Offset == 0 {
		return e.sentence()
	}
	return fmt.Sprintf("%s at offset %d", e.sentence(), e.Offset)
}

func (e *LimitError) sentence() string {
	return fmt.Sprintf("etf: limit %s is %d, got %d", e.Limit, e.Max, e.Got)
}

// A KindError says that the next term is a term, but not of the kind that was
// asked for.
type KindError struct {
	Offset    int
	Want, Got Kind
}

// Error implements error.
func (e *KindError) Error() string {
	return fmt.Sprintf("etf: %s where %s is wanted at offset %d", e.Got, e.Want, e.Offset)
}

// A MismatchError says that a term is a good one, and of the kind that is wanted or
// of none that a Go type is, and that the Go value has no place for it: a tuple
// of another arity, an integer out of the type's range, another record, a key that
// no field has where Options refuse it.
type MismatchError struct {
	Msg string
}

// Error implements error.
func (e *MismatchError) Error() string { return "etf: " + e.Msg }

// mismatch is a MismatchError of the term at offset.
func mismatch(offset int, format string, args ...any) error {
	return &placedError{offset, &MismatchError{fmt.Sprintf(format, args...)}}
}

func syntax(offset int, msg string) error {
	return &SyntaxError{Offset: offset, Msg: msg}
}

// The sentences that more than one place says.
const (
	msgListEnd    = "no more elements in the list"
	msgShort      = "data ends within a term"
	msgLength     = "length of more bytes than there are"
	msgCount      = "count of more terms than there are bytes"
	msgTag        = "unknown tag"
	msgCompressed = "compressed term, which is refused because its size is not known before it is inflated,"
)
