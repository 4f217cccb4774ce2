package etf

// Each value that Decode returns is in an interface, which holds the address of
// one. Where Go would allocate them one by one, a termReader takes them from rows
// that it allocates for many at a time, as it does with elements.

// A box is what kind of row the values of a tag are taken from.
type box uint8

const (
	boxNone box = iota // a value that Go allocates, or none
	boxInt
	boxFloat
	boxText
	boxElems
	boxMap
	boxKinds
)

// A census has how many values of each box a term has.
type census [boxKinds]int

// rowOf is what Decode takes the value of a tag from.
var rowOf = [256]box{
	tagInt: boxInt, tagNewFloat: boxFloat, tagBinary: boxText, tagMap: boxMap,
	tagSmallTuple: boxElems, tagLargeTuple: boxElems, tagList: boxElems, tagString: boxElems,
}

// mostInRow is how many values are allocated at a time, if so many are to come.
const mostInRow = 256

// A row is room for values of one type.
type row[T any] struct {
	free []T
	left int // how many will be asked for
}

// put returns the address of a value that is v for good.
func (r *row[T]) put(v T) *T {
	if len(r.free) == 0 {
		r.free = make([]T, max(1, min(r.left, mostInRow)))
	}
	p := &r.free[0]
	r.free = r.free[1:]
	r.left--
	*p = v
	return p
}

// rows are those of one term.
type rows struct {
	ints   row[int64]
	floats row[float64]
	texts  row[string]
	lists  row[[]any]
	maps   row[[]Pair]
}

func (r *rows) expect(c *census) {
	r.ints.left, r.floats.left, r.texts.left = c[boxInt], c[boxFloat], c[boxText]
	r.lists.left, r.maps.left = c[boxElems], c[boxMap]
}

func (r *rows) integer(n int64) any {
	if 0 <= n && n <= 255 {
		return n // the runtime has those made
	}
	return boxed(intWord, ptr(r.ints.put(n)))
}

func (r *rows) float(f float64) any    { return boxed(floatWord, ptr(r.floats.put(f))) }
func (r *rows) binary(s string) any    { return boxed(binaryWord, ptr(r.texts.put(s))) }
func (r *rows) tuple(elems []any) any  { return boxed(tupleWord, ptr(r.lists.put(elems))) }
func (r *rows) list(elems []any) any   { return boxed(listWord, ptr(r.lists.put(elems))) }
func (r *rows) pairs(pairs []Pair) any { return boxed(mapWord, ptr(r.maps.put(pairs))) }

// What an interface says of the types above.
var (
	intWord    = typeWord(int64(0))
	floatWord  = typeWord(float64(0))
	binaryWord = typeWord(Binary(""))
	tupleWord  = typeWord(Tuple(nil))
	listWord   = typeWord(List(nil))
	mapWord    = typeWord(Map(nil))
)
