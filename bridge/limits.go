package bridge

import (
	"runtime"
	"time"

	"github.com/gwport/gwport/bridge/internal/mux"
)

// The wire's fixed limits (SPEC.md, section 11).
const (
	// WireVersion is the version of SPEC.md that this package speaks.
	WireVersion = 1

	// stopMargin is by how much earlier than the host would the process ends
	// itself [P5], because the host counts too.
	stopMargin = 50 * time.Millisecond
)

// Limits of our own, that the wire knows nothing of.
const (
	// maxAttrs is how many attributes of a record are sent; the rest are left out.
	maxAttrs = 1_000

	// stderrTimeout bounds a write to the host's standard error socket [P3].
	stderrTimeout = 100 * time.Millisecond

	// takenLinger is how long a program that has drained lives on, where nobody can
	// tell whether the host has read its last frames.
	takenLinger = 20 * time.Millisecond

	// firstBuffer and lastBuffer bound what of a response is kept back before
	// its head is sent: a response that ends within lastBuffer bytes gets a
	// Content-Length and travels as one frame.
	firstBuffer = mux.FirstBuffer
	lastBuffer  = mux.LastBuffer

	// wideWindow is how many bytes of a request's body may wait for a handler that
	// has read some of it, where Server.Window is not set; wideBudget bounds what
	// all windows together may be larger by than DefaultWindow.
	wideWindow = 262_144
	wideBudget = 8 << 20

	// minFile is the least of a file that is sent as one: for less of it the host's opening
	// costs more than the bytes do.
	minFile = 256 << 10

	// minMemory is how much of a body whose length is declared must be left for it to go by
	// files in memory, of which two are held for each such body: of largePiece bytes at most
	// while those of all bodies of the process are below largeMemory together, and of
	// smallPiece up to maxMemory. Until the host has taken one, a client may be about to
	// leave, and files are of smallPiece. Beyond that bodies go by the wire. maxSmall files below
	// minFile, one after another, mean that the handler is slower than its client, and
	// end it.
	minMemory   = 256 << 10
	smallPiece  = 1 << 20
	largePiece  = 4 << 20
	largeMemory = 32 << 20
	maxMemory   = 64 << 20
	maxSmall    = 4

	// minShared is the least of a body whose length is declared that goes by a part of a file
	// in memory that bodies below minMemory share. Such a file has all of memorySize bytes for
	// them, of largeMemory, and goes when it was not used for memoryIdle.
	minShared = 48 << 10

	// memorySize is how large each file in memory is, of which what is not written takes no
	// memory. One that is not used is closed after memoryIdle.
	memorySize = 8 << 20
	memoryIdle = time.Second

	// canSendFiles: the host finds a descriptor of this process under /proc.
	canSendFiles = runtime.GOOS == "linux"

	// sniffLen is how much of a body decides its Content-Type.
	sniffLen = 512

	// maxLastLines is how many lines of its log a program keeps in development, of which so
	// many bytes each.
	maxLastLines = 40
	maxLastLine  = 2 << 10

	// maxServerBody is how much of a body is read of a request that is for the
	// server itself (OPTIONS *).
	maxServerBody = 4 << 10

	// maxFieldNames is how many names of request fields are remembered in Go's
	// writing, of up to maxFieldName bytes each.
	maxFieldNames = 256
	maxFieldName  = 64

	// maxSpareProcs is the most of Server.SpareProcs: each costs a thread.
	maxSpareProcs = 1_000
)

// Defaults of Server.
const (
	// DefaultWindow is how many bytes of a request's body the host may send
	// before the handler has read any.
	DefaultWindow = 65_536

	// DefaultMaxStreams is how many requests may be under way at once.
	DefaultMaxStreams = 10_000

	// DefaultMaxHead bounds a request's head (as a term).
	DefaultMaxHead = 65_536

	// DefaultMaxFrame bounds a frame to this program.
	DefaultMaxFrame = 1 << 20

	// DefaultAbandonedAfter is how long a handler may outlive its stream before it
	// counts as abandoned.
	DefaultAbandonedAfter = time.Second

	// DefaultMaxAbandoned is how many handlers may be abandoned.
	DefaultMaxAbandoned = 1_000

	// DefaultSpareProcs is by how much the program may raise GOMAXPROCS while
	// handlers that use the CPU keep the wire waiting.
	DefaultSpareProcs = 8
)
