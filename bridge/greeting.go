package bridge

import (
	"fmt"
	"math"
	"time"

	"github.com/gwport/gwport/etf"
)

// hello is what the host says of itself (SPEC.md, section 5).
type hello struct {
	minVersion, maxVersion int64
	maxFrame, maxHead      int
	maxStreams             int
	drainTimeout           time.Duration
	pool                   string
}

// The keys of hello that must be there, as bits.
const (
	helloVersions = 1 << iota
	helloMaxFrame
	helloMaxHead
	helloMaxStreams
	helloCapabilities
	helloOptions

	helloAll = helloOptions<<1 - 1
)

func decodeHello(payload []byte) (hello, error) {
	h := hello{drainTimeout: defaultDrainTimeout}
	r, err := etf.NewReader(string(payload))
	if err != nil {
		return h, err
	}
	m, err := readMap(&r)
	if err != nil {
		return h, err
	}
	seen := 0
	for m.left > 0 {
		key, err := m.key(&r)
		if err != nil {
			return h, err
		}
		bit, err := h.read(&r, key)
		if err != nil {
			return h, fmt.Errorf("%s: %w", key, err)
		}
		seen |= bit
	}
	if seen != helloAll {
		return h, errHelloKeys
	}
	return h, r.End()
}

var errHelloKeys = fmt.Errorf("a key is missing")

// read reads the value of one key and returns its bit.
func (h *hello) read(r *etf.Reader, key string) (bit int, err error) {
	switch key {
	case "versions":
		return helloVersions, h.readVersions(r)
	case "max_frame":
		return helloMaxFrame, readSize(r, &h.maxFrame)
	case "max_head":
		return helloMaxHead, readSize(r, &h.maxHead)
	case "max_streams":
		return helloMaxStreams, readSize(r, &h.maxStreams)
	case "capabilities":
		return helloCapabilities, skipValue(r, 1)
	case "options":
		return helloOptions, h.readOptions(r)
	case "pool":
		h.pool, err = r.Binary()
		return 0, err
	}
	return 0, skipValue(r, 1)
}

func (h *hello) readVersions(r *etf.Reader) (err error) {
	if err = readTuple(r, 2); err != nil {
		return err
	}
	if h.minVersion, err = readCount(r, math.MaxInt32); err != nil {
		return err
	}
	h.maxVersion, err = readCount(r, math.MaxInt32)
	return err
}

func (h *hello) readOptions(r *etf.Reader) error {
	m, err := readMap(r)
	if err != nil {
		return err
	}
	for m.left > 0 {
		key, err := m.key(r)
		if err != nil {
			return err
		}
		if key != "drain_timeout" {
			if err := skipValue(r, 2); err != nil {
				return err
			}
			continue
		}
		ms, err := readCount(r, math.MaxInt32)
		if err != nil {
			return err
		}
		h.drainTimeout = time.Duration(ms) * time.Millisecond
	}
	return nil
}

func readSize(r *etf.Reader, size *int) error {
	n, err := readCount(r, math.MaxInt32)
	*size = int(n)
	return err
}

// checkVersion tells whether we have a version in common with a host, before the
// rest of its hello is looked at, which is another version's business (SPEC.md,
// section 12). What cannot be read is left to decodeHello.
func checkVersion(payload []byte) error {
	r, err := etf.NewReader(string(payload))
	if err != nil {
		return nil
	}
	pairs, err := r.Map()
	for ; pairs > 0 && err == nil; pairs-- {
		var key string
		if key, err = r.Binary(); err != nil {
			break
		}
		if key != "versions" {
			err = skipValue(&r, 1)
			continue
		}
		var h hello
		if err = h.readVersions(&r); err == nil && (WireVersion < h.minVersion || WireVersion > h.maxVersion) {
			return fault(FaultNoCommonVersion, "this program speaks wire version %d, the host speaks %d to %d",
				WireVersion, h.minVersion, h.maxVersion)
		}
	}
	return nil
}

// check tells whether we can serve such a host.
func (h *hello) check() *FaultError {
	if h.maxFrame < minMaxFrame {
		return fault(FaultBadGreeting, "hello: max_frame is %d, expected at least %d", h.maxFrame, minMaxFrame)
	}
	return nil
}

// appendReady appends our answer to hello, as a payload.
func (s *settings) appendReady(dst []byte) []byte {
	dst = etf.AppendMap(etf.AppendVersion(dst), 9)
	for _, p := range [...]struct {
		key   string
		value int
	}{
		{"version", WireVersion},
		{"window", s.firstWindow},
		{"max_frame", s.maxFrame},
		{"max_head", s.maxHead},
		{"max_streams", s.maxStreams},
	} {
		dst = etf.AppendInt(etf.AppendBinary(dst, p.key), int64(p.value))
	}
	dst = etf.AppendList(etf.AppendBinary(dst, "capabilities"), 0)
	dst = etf.AppendBinary(etf.AppendBinary(dst, "name"), s.name)
	dst = etf.AppendBinary(etf.AppendBinary(dst, "program_version"), s.version)
	return appendNames(etf.AppendBinary(dst, "apps"), s.apps.names())
}

func appendNames(dst []byte, names []string) []byte {
	dst = etf.AppendList(dst, len(names))
	if len(names) == 0 {
		return dst
	}
	for _, name := range names {
		dst = etf.AppendBinary(dst, name)
	}
	return etf.AppendNil(dst)
}
