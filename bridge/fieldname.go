package bridge

import (
	"maps"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
)

// fieldNames are field names as Go writes them, by what came on the wire: the same few
// come with every request. What clients can fill it with is bounded, in number and in
// length; a name that finds no place is made anew each time.
type fieldNames struct {
	known atomic.Pointer[map[string]string] // is not changed, but replaced
	mu    sync.Mutex                        // of who replaces it
}

// seenNames are those of this process.
var seenNames fieldNames

// canonical is textproto.CanonicalMIMEHeaderKey.
func (n *fieldNames) canonical(name string) string {
	known := n.all()
	if c, ok := known[name]; ok {
		return c
	}
	c := textproto.CanonicalMIMEHeaderKey(name)
	if len(known) < maxFieldNames && len(name) <= maxFieldName {
		n.remember(name, c)
	}
	return c
}

func (n *fieldNames) all() map[string]string {
	if known := n.known.Load(); known != nil {
		return *known
	}
	return nil
}

// remember keeps copies, since what came is a part of a whole head.
func (n *fieldNames) remember(name, canonical string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.all()
	if len(known) >= maxFieldNames {
		return
	}
	known = maps.Clone(known)
	if known == nil {
		known = make(map[string]string)
	}
	known[strings.Clone(name)] = strings.Clone(canonical)
	n.known.Store(&known)
}
