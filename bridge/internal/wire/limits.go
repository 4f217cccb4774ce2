package wire

import "time"

// The wire's fixed limits (SPEC.md, section 11).
const (
	// Version is the version of SPEC.md that this package speaks.
	Version = 1

	// MaxChunk is the most body bytes of one frame. A chunk beyond it aborts
	// its stream with bad_payload.
	MaxChunk = 65_536

	// MinStream and MaxStream bound stream numbers, so that INTEGER_EXT is the
	// one way to write them.
	MinStream = 256
	MaxStream = 1<<31 - 1

	// MaxCredit is the most credit a half may have; more of it is bad_credit.
	MaxCredit = 1<<31 - 1

	// MaxWindow is the most a half may be opened with.
	MaxWindow = 16 << 20

	// MaxInforms is how many 1xx responses a stream may have. A handler that
	// sends more gets them dropped, with a line in the log.
	MaxInforms = 16

	// MaxLog is the largest payload of a log line; texts are cut to fit.
	MaxLog = 65_536

	// MaxText is the longest text of an abort or a fault; it is cut to fit.
	MaxText = 1_024

	// MaxNesting is how deep a payload may be nested; a deeper one is a
	// bad_payload.
	MaxNesting = 32

	// MinMaxFrame is the least a side may offer to take: a whole chunk.
	MinMaxFrame = MaxChunk + StreamHead

	// FirstMaxFrame holds until the greeting.
	FirstMaxFrame = 1 << 20

	// HeadSlack is what a frame needs around a head, for max_frame.
	HeadSlack = 64

	// defaultDrainTimeout is D2's, for a host that names none.
	defaultDrainTimeout = 30 * time.Second
)
