package etf

// The limits that hold where a field of [Limits] is not set.
const (
	DefaultMaxBytes    = 16 << 20
	DefaultMaxDepth    = 64
	DefaultMaxTerms    = 1 << 18
	DefaultMaxPairs    = 1 << 16
	DefaultMaxAtoms    = 1 << 16
	DefaultMaxBigBytes = 1 << 16
	DefaultMaxMemory   = 64 << 20
)

// maxDepth bounds Limits.MaxDepth, and the terms that Append takes. Decode and
// Append call themselves once for each level, and a Go program that runs out
// of stack cannot recover; this many levels need some ten megabytes of it.
const maxDepth = 1 << 16

// Limits bound what [Valid] and [Decode] accept. They are looked at before
// anything is allocated. A field that is zero or negative has its default, and
// may be any number from 1 up if nothing else is said. The defaults suit a
// request from a stranger.
type Limits struct {
	// MaxBytes is the length of the data, the version byte included. The
	// default is [DefaultMaxBytes], 16 MiB.
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

	// MaxPairs is how many pairs one map may have. The default is
	// [DefaultMaxPairs], 65536.
	MaxPairs int

	// MaxAtoms is how many atoms there may be in all, the same one counted each
	// time. Names of nodes, modules and functions within pids, funs and their
	// like do not count. Go forgets atoms and Erlang does not: the limit is for
	// those who hand them on. The default is [DefaultMaxAtoms], 65536.
	MaxAtoms int

	// MaxBigBytes is how many bytes of digits one big integer may have, zeros in
	// front included. The default is [DefaultMaxBigBytes], 65536, which is some
	// 158,000 decimal digits.
	MaxBigBytes int

	// MaxMemory is how many bytes Decode may allocate in all. They are added up
	// before the first is allocated: the copy of the data, 16 bytes for each term
	// that another holds, and what a value of each kind takes. The sum is within
	// an eighth of what is allocated, and more often above it than below; where Go
	// has addresses of 32 bits, it may be twice as much.
	// Unmarshal adds up what its Go types take, as it comes to them: elements of
	// slices, what pointers lead to, the keys and values of maps. The default is
	// [DefaultMaxMemory], 64 MiB. Decode does not reach it within the other
	// defaults, and Unmarshal only where the Go types are large.
	MaxMemory int
}

// withDefaults is called once, where a Limits enters.
func (l Limits) withDefaults() Limits {
	return Limits{
		MaxBytes:    orDefault(l.MaxBytes, DefaultMaxBytes),
		MaxDepth:    min(orDefault(l.MaxDepth, DefaultMaxDepth), maxDepth),
		MaxTerms:    orDefault(l.MaxTerms, DefaultMaxTerms),
		MaxPairs:    orDefault(l.MaxPairs, DefaultMaxPairs),
		MaxAtoms:    orDefault(l.MaxAtoms, DefaultMaxAtoms),
		MaxBigBytes: orDefault(l.MaxBigBytes, DefaultMaxBigBytes),
		MaxMemory:   orDefault(l.MaxMemory, DefaultMaxMemory),
	}
}

func orDefault(n, value int) int {
	if n <= 0 {
		return value
	}
	return n
}
