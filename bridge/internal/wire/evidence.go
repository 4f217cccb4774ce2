package wire

import (
	"math"
	"time"

	"github.com/gwport/gwport/etf"
)

// What follows is of the capability evidence (SPEC.md, section 16).

// Evidence says what of it a host asks for. A host may ask for what a later page
// has; we know those below EvidenceKinds.
type Evidence int64

// The evidence that there is.
const (
	EvidenceStacks Evidence = 0
	EvidenceHeap   Evidence = 1
	EvidenceCPU    Evidence = 2

	EvidenceKinds = 3
)

// Limits of it.
const (
	MaxPart     = 32 << 10         // bytes of an answer in one frame
	MaxEvidence = 1 << 30          // bytes of an answer that a host may take
	MaxCPUTime  = 10 * time.Minute // of a profile
)

// A Result says what has become of an ask.
type Result int64

// The results.
const (
	ResultDone     Result = 0
	ResultFailed   Result = 1
	ResultBusy     Result = 2
	ResultUnknown  Result = 3
	ResultTooLarge Result = 4
)

// An Ask is the host's question for evidence.
type Ask struct {
	Number int64
	What   Evidence
	Time   time.Duration // of a profile of the processor
	Most   int           // bytes that the host takes
}

// DecodeAsk reads {Number, What, Time, Most}.
func DecodeAsk(payload []byte) (a Ask, err error) {
	r, err := etf.NewReader(string(payload))
	if err != nil {
		return a, err
	}
	if err = readTuple(&r, 4); err != nil {
		return a, err
	}
	var what, ms, most int64
	for _, n := range [...]struct {
		to          *int64
		least, most int64
	}{
		{&a.Number, 1, math.MaxInt32},
		{&what, 0, math.MaxInt32},
		{&ms, 0, MaxCPUTime.Milliseconds()},
		{&most, 1, MaxEvidence},
	} {
		if *n.to, err = readCount(&r, n.most); err != nil {
			return a, err
		}
		if *n.to < n.least {
			return a, &etf.LimitError{Limit: "least integer", Max: int(n.least), Got: int(*n.to)}
		}
	}
	a.What, a.Time, a.Most = Evidence(what), time.Duration(ms)*time.Millisecond, int(most)
	return a, r.End()
}

// AppendPart appends the payload of part, {Number, Bytes}.
func AppendPart(dst []byte, number int64, bytes []byte) []byte {
	dst = etf.AppendTuple(etf.AppendVersion(dst), 2)
	return etf.AppendBinary(etf.AppendInt(dst, number), bytes)
}

// AppendAnswered appends the payload of answered, {Number, Result, Text}. A text that
// is too long is cut.
func AppendAnswered(dst []byte, number int64, result Result, text string) []byte {
	dst = etf.AppendTuple(etf.AppendVersion(dst), 3)
	dst = etf.AppendInt(etf.AppendInt(dst, number), int64(result))
	return etf.AppendBinary(dst, prefix(text, MaxText))
}
