package check

import (
	"errors"
	"fmt"

	"github.com/gwport/gwport/etf"
)

var errReady = errors.New("ready")

// ready is what the program said of itself.
type ready struct {
	version, window, maxFrame, maxHead, maxStreams int64
	name, programVersion                           string
	apps                                           []string
}

// readReady reads the payload of ready, whose shape G1 and section 5 describe.
func readReady(b []byte) (r ready, err error) {
	term, err := decode(b)
	if err != nil {
		return r, err
	}
	m, ok := term.(etf.Map)
	if !ok {
		return r, fmt.Errorf("%w is no map", errReady)
	}
	for key, to := range map[string]*int64{
		"version": &r.version, "window": &r.window, "max_frame": &r.maxFrame,
		"max_head": &r.maxHead, "max_streams": &r.maxStreams,
	} {
		v, _ := m.Get(etf.Binary(key))
		if *to, ok = v.(int64); !ok {
			return r, fmt.Errorf("%s is %v", key, v)
		}
	}
	for key, to := range map[string]*string{"name": &r.name, "program_version": &r.programVersion} {
		v, _ := m.Get(etf.Binary(key))
		b, ok := v.(etf.Binary)
		if !ok {
			return r, fmt.Errorf("%s is %v", key, v)
		}
		*to = string(b)
	}
	if _, err = binaries(m, "capabilities"); err != nil {
		return r, err
	}
	r.apps, err = binaries(m, "apps")
	return r, err
}

func binaries(m etf.Map, key string) ([]string, error) {
	v, _ := m.Get(etf.Binary(key))
	l, ok := v.(etf.List)
	if !ok {
		return nil, fmt.Errorf("%s is %v", key, v)
	}
	var texts []string
	for _, e := range l {
		b, ok := e.(etf.Binary)
		if !ok {
			return nil, fmt.Errorf("%s has %v in it", key, e)
		}
		texts = append(texts, string(b))
	}
	return texts, nil
}
