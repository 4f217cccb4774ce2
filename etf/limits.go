package etf

// The limits that hold where a field of [Limits] is not set.
const (
	DefaultMaxBytes = 16 << 20
	DefaultMaxDepth = 64
	DefaultMaxTerms = 1 << 18
)

// maxDepth bounds Limits.MaxDepth, and the terms that Append takes. Decode and
// Append call themselves once for each level, and a Go program that runs out
// of stack cannot recover; this many levels need some ten megabytes of it.
const maxDepth = 1 << 16

// Limits bound what [Valid] and [Decode] accept. They are looked at before
// anything is allocated. A field that is zero or negative has its default.
type Limits struct {
	// MaxBytes is the length of the data, the version byte included. The
	// default is [DefaultMaxBytes], 16 MiB. What Decode allocates is at most
	// some 25 times as much, for terms of one byte each.
	MaxBytes int

	// MaxDepth is how many tuples, lists, maps and funs may lie within each
	// other. Empty ones and strings are no level; the tail of a list is one
	// inside it. The default is [DefaultMaxDepth], 64; more than 65536 is
	// taken as 65536.
	MaxDepth int

	// MaxTerms is how many terms there may be in all, those inside others
	// and the tails of lists included; a string has as many more as it has
	// bytes. The default is [DefaultMaxTerms], 262144, which bounds what
	// Decode allocates besides the bytes themselves to some 20 MB.
	MaxTerms int
}

// withDefaults is called once, where a Limits enters.
func (l Limits) withDefaults() Limits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = DefaultMaxBytes
	}
	if l.MaxDepth <= 0 {
		l.MaxDepth = DefaultMaxDepth
	}
	if l.MaxTerms <= 0 {
		l.MaxTerms = DefaultMaxTerms
	}
	l.MaxDepth = min(l.MaxDepth, maxDepth)
	return l
}
