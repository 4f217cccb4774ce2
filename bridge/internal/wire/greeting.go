package wire

import (
	"fmt"
	"math"
	"time"

	"github.com/gwport/gwport/etf"
)

// Hello is what the host says of itself (SPEC.md, section 5).
type Hello struct {
	MinVersion, MaxVersion int64
	MaxFrame, MaxHead      int
	MaxStreams             int
	DrainTimeout           time.Duration
	LogLevel               Level // the least severe one that it logs
	LogLines               int   // of a second that it logs
	Dev                    bool  // it runs for development
	Pool                   string
	Files                  bool // it has the capability file
	Hijack                 bool // it has the capability hijack
	Evidence               bool // it has the capability evidence
}

// AllLines is LogLines of a host that sets no bound.
const AllLines = math.MaxInt32

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

func DecodeHello(payload []byte) (Hello, error) {
	h := Hello{DrainTimeout: defaultDrainTimeout, LogLevel: LevelInfo, LogLines: AllLines}
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
func (h *Hello) read(r *etf.Reader, key string) (bit int, err error) {
	switch key {
	case "versions":
		return helloVersions, h.readVersions(r)
	case "max_frame":
		return helloMaxFrame, readSize(r, &h.MaxFrame)
	case "max_head":
		return helloMaxHead, readSize(r, &h.MaxHead)
	case "max_streams":
		return helloMaxStreams, readSize(r, &h.MaxStreams)
	case "capabilities":
		return helloCapabilities, h.readCapabilities(r)
	case "options":
		return helloOptions, h.readOptions(r)
	case "pool":
		h.Pool, err = r.Binary()
		return 0, err
	}
	return 0, skipValue(r, 1)
}

func (h *Hello) readVersions(r *etf.Reader) (err error) {
	if err = readTuple(r, 2); err != nil {
		return err
	}
	if h.MinVersion, err = readCount(r, math.MaxInt32); err != nil {
		return err
	}
	h.MaxVersion, err = readCount(r, math.MaxInt32)
	return err
}

// readCapabilities reads a list of names, of which we know some.
func (h *Hello) readCapabilities(r *etf.Reader) error {
	n, err := r.List()
	if err != nil {
		return err
	}
	for range n {
		name, err := r.Binary()
		if err != nil {
			return err
		}
		switch Capability(name) {
		case CapabilityFile:
			h.Files = true
		case CapabilityHijack:
			h.Hijack = true
		case CapabilityEvidence:
			h.Evidence = true
		}
	}
	return r.EndList()
}

func (h *Hello) readOptions(r *etf.Reader) error {
	m, err := readMap(r)
	if err != nil {
		return err
	}
	for m.left > 0 {
		key, err := m.key(r)
		if err != nil {
			return err
		}
		if err := h.readOption(r, key); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hello) readOption(r *etf.Reader, key string) error {
	switch key {
	case "drain_timeout":
		ms, err := readCount(r, math.MaxInt32)
		h.DrainTimeout = time.Duration(ms) * time.Millisecond
		return err
	case "log_level":
		level, err := readCount(r, math.MaxInt32)
		h.LogLevel = min(Level(level), LevelDebug)
		return err
	case "log_lines":
		return readSize(r, &h.LogLines)
	case "dev":
		dev, err := readBool(r)
		h.Dev = dev
		return err
	}
	return skipValue(r, 2)
}

func readSize(r *etf.Reader, size *int) error {
	n, err := readCount(r, math.MaxInt32)
	*size = int(n)
	return err
}

// CheckVersion tells whether we have a version in common with a host, before the
// rest of its hello is looked at, which is another version's business (SPEC.md,
// section 12). What cannot be read is left to DecodeHello.
func CheckVersion(payload []byte) error {
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
		var h Hello
		if err = h.readVersions(&r); err == nil && (Version < h.MinVersion || Version > h.MaxVersion) {
			return Faultf(FaultNoCommonVersion, "this program speaks wire version %d, the host speaks %d to %d",
				Version, h.MinVersion, h.MaxVersion)
		}
	}
	return nil
}

// Check tells whether we can serve such a host.
func (h *Hello) Check() *Fault {
	if h.MaxFrame < MinMaxFrame {
		return Faultf(FaultBadGreeting, "hello: max_frame is %d, expected at least %d", h.MaxFrame, MinMaxFrame)
	}
	return nil
}

// Ready is the program's answer to hello.
type Ready struct {
	Window        int // first credit of each request half
	MaxFrame      int
	MaxHead       int
	MaxStreams    int
	Files         bool   // the capability file is used
	Hijack        bool   // the capability hijack is used
	Evidence      bool   // the capability evidence is used
	Name, Version string // of the program
	Apps          []string
}

// AppendPayload appends it as a payload.
func (y *Ready) AppendPayload(dst []byte) []byte {
	dst = etf.AppendMap(etf.AppendVersion(dst), 9)
	for _, p := range [...]struct {
		key   string
		value int
	}{
		{"version", Version},
		{"window", y.Window},
		{"max_frame", y.MaxFrame},
		{"max_head", y.MaxHead},
		{"max_streams", y.MaxStreams},
	} {
		dst = etf.AppendInt(etf.AppendBinary(dst, p.key), int64(p.value))
	}
	dst = appendNames(etf.AppendBinary(dst, "capabilities"), y.capabilities())
	dst = etf.AppendBinary(etf.AppendBinary(dst, "name"), y.Name)
	dst = etf.AppendBinary(etf.AppendBinary(dst, "program_version"), y.Version)
	return appendNames(etf.AppendBinary(dst, "apps"), y.Apps)
}

func (y *Ready) capabilities() (names []Capability) {
	if y.Files {
		names = append(names, CapabilityFile)
	}
	if y.Hijack {
		names = append(names, CapabilityHijack)
	}
	if y.Evidence {
		names = append(names, CapabilityEvidence)
	}
	return names
}

func appendNames[T ~string](dst []byte, names []T) []byte {
	dst = etf.AppendList(dst, len(names))
	if len(names) == 0 {
		return dst
	}
	for _, name := range names {
		dst = etf.AppendBinary(dst, name)
	}
	return etf.AppendNil(dst)
}
