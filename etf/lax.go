package etf

// A lax says which terms pass that Erlang has not. The zero value lets none pass.
type lax uint8

const (
	laxFloats lax = 1 << iota // floats that are not finite
	laxAtoms                  // atoms that are not UTF-8

	laxAll = laxFloats | laxAtoms // for what has passed already
)

// lax is what the options let pass.
func (o *Options) lax() (x lax) {
	if o.AllowNonFinite {
		x |= laxFloats
	}
	if o.AllowNonUTF8Atoms {
		x |= laxAtoms
	}
	return x
}
