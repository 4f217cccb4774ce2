package wire

import (
	"errors"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/gwport/gwport/etf"
)

// The payloads of the small kinds, as terms. That of open stands in open.go,
// those of the greeting in greeting.go, those of a response in head.go.

// EmptyPayload is [], the payload of kinds that say all by being there.
var EmptyPayload = etf.AppendNil(etf.AppendVersion(nil))

var errNotEmpty = errors.New("bridge: payload is not []")

// DecodeInt reads a payload that is one integer from least to most.
func DecodeInt(payload []byte, least, most int64) (int64, error) {
	r, err := etf.NewReader(string(payload))
	if err != nil {
		return 0, err
	}
	n, err := r.Int()
	if err != nil {
		return 0, err
	}
	if n < least || n > most {
		return 0, &etf.LimitError{Limit: "integer", Max: int(most), Got: int(n)}
	}
	return n, r.End()
}

// AppendIntPayload appends a payload that is one integer.
func AppendIntPayload(dst []byte, n int64) []byte {
	return etf.AppendInt(etf.AppendVersion(dst), n)
}

// A File is a piece of a body that the host takes from a file which the program has
// open (SPEC.md, section 15).
type File struct {
	Descriptor     int
	Device, Inode  int64
	Offset, Length int64
}

// FileRoom is what the payload of a file takes, at most.
const FileRoom = 64

// AppendFile appends the payload of file.
func AppendFile(dst []byte, f File) []byte {
	dst = etf.AppendTuple(etf.AppendVersion(dst), 5)
	for _, n := range [...]int64{int64(f.Descriptor), f.Device, f.Inode, f.Offset, f.Length} {
		dst = etf.AppendInt(dst, n)
	}
	return dst
}

// DecodeEmpty reads [].
func DecodeEmpty(payload []byte) error {
	if string(payload) != string(EmptyPayload) {
		return errNotEmpty
	}
	return nil
}

// DecodeReason reads {Code, Text}, the payload of abort and fault.
func DecodeReason(payload []byte) (code int64, text string, err error) {
	r, err := etf.NewReader(string(payload))
	if err != nil {
		return 0, "", err
	}
	if err := readTuple(&r, 2); err != nil {
		return 0, "", err
	}
	if code, err = readCount(&r, math.MaxInt32); err != nil {
		return 0, "", err
	}
	if text, err = r.Binary(); err != nil {
		return 0, "", err
	}
	return code, prefix(text, MaxText), r.End()
}

// ReasonRoom is what the payload of an abort takes beside its text, at most.
const ReasonRoom = 32

// AppendReason appends the payload of abort and fault. A text that is too long is cut.
func AppendReason(dst []byte, code int, text string) []byte {
	dst = etf.AppendTuple(etf.AppendVersion(dst), 2)
	return etf.AppendBinary(etf.AppendInt(dst, int64(code)), prefix(text, MaxText))
}

// prefix is at most the first n bytes of s; it does not end inside a character.
func prefix(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:n]
}

// AppendPair appends {Name, Value}.
func AppendPair(dst []byte, name, value string) []byte {
	return etf.AppendBinary(etf.AppendBinary(etf.AppendTuple(dst, 2), name), value)
}

// readTuple reads the header of a tuple that must have so many elements.
func readTuple(r *etf.Reader, arity int) error {
	at := r.Offset()
	n, err := r.Tuple()
	if err != nil {
		return err
	}
	if n != arity {
		return &etf.SyntaxError{Offset: at, Msg: "tuple of another arity than expected"}
	}
	return nil
}

// readCount reads an integer from 0 to most.
func readCount(r *etf.Reader, most int64) (int64, error) {
	n, err := r.Int()
	if err != nil {
		return 0, err
	}
	if n < 0 || n > most {
		return 0, &etf.LimitError{Limit: "integer", Max: int(most), Got: int(n)}
	}
	return n, nil
}

// mapReader reads a map whose keys are binaries, each of them once [F7].
//
// The host writes keys in ascending order, which shows at no cost that none is
// there twice. If they are not, all are looked at, once.
type mapReader struct {
	start  etf.Reader // on the first key
	pairs  int
	left   int
	before string
	looked bool
}

func readMap(r *etf.Reader) (mapReader, error) {
	pairs, err := r.Map()
	return mapReader{start: *r, pairs: pairs, left: pairs}, err
}

// key reads the next key. Its value, which is the caller's to read, follows.
func (m *mapReader) key(r *etf.Reader) (string, error) {
	key, err := r.Binary()
	if err != nil {
		return "", err
	}
	if m.left < m.pairs && key <= m.before && !m.looked {
		m.looked = true
		if err := requireDistinct(m.start, m.pairs); err != nil {
			return "", err
		}
	}
	m.before = key
	m.left--
	return key, nil
}

// requireDistinct looks at all keys of a map. Few of them cost no memory, and many
// no more than their number is worth.
func requireDistinct(r etf.Reader, pairs int) error {
	var space [32]string
	few := space[:0]
	var many map[string]bool
	if pairs > len(space) {
		many = make(map[string]bool)
	}
	for range pairs {
		at := r.Offset()
		key, err := r.Binary()
		if err != nil {
			return err
		}
		if many[key] || slices.Contains(few, key) {
			return &etf.SyntaxError{Offset: at, Msg: "key that is in its map twice"}
		}
		if many != nil {
			many[key] = true
		} else {
			few = append(few, key)
		}
		if err := r.Skip(); err != nil {
			return err
		}
	}
	return nil
}

// readTrue reads the atom true, the only one that receivers take.
func readTrue(r *etf.Reader) error {
	at := r.Offset()
	name, err := r.Atom()
	if err != nil {
		return err
	}
	if name != "true" {
		return &etf.SyntaxError{Offset: at, Msg: "atom other than true"}
	}
	return nil
}

// readBool reads the atom true or false.
func readBool(r *etf.Reader) (bool, error) {
	at := r.Offset()
	name, err := r.Atom()
	if err != nil {
		return false, err
	}
	if name != "true" && name != "false" {
		return false, &etf.SyntaxError{Offset: at, Msg: "atom other than true and false"}
	}
	return name == "true", nil
}

// skipValue passes over the value of a key that we do not know. Reader.Skip
// would do for safety; what it lets pass and F5 forbids is refused here, so
// that a host's mistake does not go unseen until another program meets it.
func skipValue(r *etf.Reader, depth int) error {
	at := r.Offset()
	kids := 0
	var err error
	switch r.Kind() {
	case etf.KindTuple:
		kids, err = r.Tuple()
	case etf.KindMap:
		kids, err = r.Map()
		kids *= 2
	case etf.KindList:
		return skipList(r, depth)
	case etf.KindOther:
		return &etf.SyntaxError{Offset: at, Msg: "term that a payload must not contain"}
	default:
		return r.Skip()
	}
	return skipAll(r, kids, depth, err)
}

func skipAll(r *etf.Reader, kids, depth int, err error) error {
	if err == nil && depth >= MaxNesting && kids > 0 {
		return &etf.LimitError{Limit: "nesting", Max: MaxNesting, Got: depth + 1}
	}
	for ; err == nil && kids > 0; kids-- {
		err = skipValue(r, depth+1)
	}
	return err
}

func skipList(r *etf.Reader, depth int) error {
	kids, err := r.List()
	if err := skipAll(r, kids, depth, err); err != nil {
		return err
	}
	if r.Kind() == etf.KindList || r.Kind() == etf.KindNone {
		if r.EndList() == nil {
			return nil
		}
	}
	return skipAll(r, 1, depth, nil) // the tail of an improper list
}
