package etf

// A lookup finds a field by its name. Erlang writes the keys of a map in an order
// of its own, so each key must be looked for; a hash of three numbers that the
// name has anyway is made to be without collisions for the names there are.
type lookup struct {
	a, b  uint32
	mask  uint32
	slots []int16 // 1 + the field's number, 0 for none
	names []string
	rest  map[string]int // instead, for names that no such hash tells apart
}

func makeLookup(names []string) *lookup {
	l := &lookup{names: names}
	for size := uint32(8); size <= 4096; size *= 2 {
		if int(size) < 2*len(names) {
			continue
		}
		for a := uint32(1); a < 32; a += 2 {
			for b := uint32(1); b < 32; b += 2 {
				if l.fill(a, b, size) {
					return l
				}
			}
		}
	}
	l.slots, l.rest = nil, map[string]int{}
	for i, name := range names {
		l.rest[name] = i
	}
	return l
}

// fill tries one hash.
func (l *lookup) fill(a, b, size uint32) bool {
	l.a, l.b, l.mask = a, b, size-1
	l.slots = make([]int16, size)
	for i, name := range l.names {
		slot := &l.slots[l.hash(name)]
		if *slot != 0 {
			return false
		}
		*slot = int16(i + 1)
	}
	return true
}

func (l *lookup) hash(name string) uint32 {
	n := uint32(len(name))
	if n == 0 {
		return 0
	}
	return (n + uint32(name[0])*l.a + uint32(name[n-1])*l.b + uint32(name[n/2])<<2) & l.mask
}

// find returns the number of the field of that name, or -1.
func (l *lookup) find(name string) int {
	if l.rest != nil {
		if i, ok := l.rest[name]; ok {
			return i
		}
		return -1
	}
	i := int(l.slots[l.hash(name)]) - 1
	if i >= 0 && l.names[i] == name {
		return i
	}
	return -1
}
