package program

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/etf"
)

var errReady = errors.New("ready")

// ready is what the program said of itself.
type ready struct {
	limits map[string]int64 // and the version
	texts  map[string]string
	apps   []string
}

// readReady reads the payload of ready, whose shape G1 and section 5 describe.
func readReady(b []byte) (ready, error) {
	r := ready{map[string]int64{}, map[string]string{}, nil}
	term, err := peer.Decode(b)
	if err != nil {
		return r, err
	}
	m, ok := term.(etf.Map)
	if !ok {
		return r, fmt.Errorf("%w is no map", errReady)
	}
	for _, key := range []string{"version", "window", "max_frame", "max_head", "max_streams"} {
		v, _ := m.Get(etf.Binary(key))
		if r.limits[key], ok = v.(int64); !ok {
			return r, fmt.Errorf("%s is %v", key, v)
		}
	}
	for _, key := range []string{"name", "program_version"} {
		if v, _ := m.Get(etf.Binary(key)); !peer.IsBinary(v) {
			return r, fmt.Errorf("%s is %v", key, v)
		}
		r.texts[key] = peer.Text(m, key)
	}
	capabilities, err := peer.Binaries(m, "capabilities")
	if err != nil {
		return r, err
	}
	for _, name := range []string{"hijack", "evidence"} {
		if slices.Contains(capabilities, name) {
			r.limits[name] = 1
		}
	}
	r.apps, err = peer.Binaries(m, "apps")
	return r, err
}
