package mux

// A half that is being read gets a wider window than one that nobody has read yet: a
// large body then comes with a quarter of the grants, and its sender seldom waits for
// one. What windows are wider by is taken from a budget of the conn's, and given back
// when nothing of the half waits to be read any more. Where the budget is used up, a
// half keeps to the window that it has.

// widen is called when a grant is due, of a half of which left bytes are still to come
// (-1: not known).
func (h *In) widen(left int64) {
	c := h.s.c
	extra := c.cfg.WideWindow - int(h.flow.window)
	if h.received == 0 || extra <= 0 || extra > c.wideLeft {
		return
	}
	if left >= 0 && left <= int64(h.flow.window) {
		return // it would not be used
	}
	c.wideLeft -= extra
	h.wide = extra
	h.flow.window += int32(extra)
}

// narrow gives back what the window was wider by.
func (h *In) narrow() {
	h.s.c.wideLeft += h.wide
	h.flow.window -= int32(h.wide)
	h.wide = 0
}
