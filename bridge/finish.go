package bridge

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gwport/gwport/etf"
)

// finish ends a response behind a handler that has returned.
func (w *response) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.finished {
		return // by plain
	}
	if !w.wroteHeader && w.err == nil {
		w.writeHeader(http.StatusOK)
	}
	w.finished = true
	defer w.release()
	if err := w.finishBody(); err != nil {
		w.s.abort(giveUp(err)) // if it was not what broke the response off
	}
}

// giveUp is the abort of a response that was broken by what is no abort itself,
// such as a write deadline: without it the client would take it as complete.
func giveUp(err error) *AbortError {
	if cause := (*AbortError)(nil); errors.As(err, &cause) {
		return cause
	}
	return abort(CodeCancelled, "%v", err)
}

func (w *response) finishBody() error {
	if w.err != nil {
		return w.err
	}
	if w.tooShort() {
		err := abort(CodeBadLength, "body of %d bytes, declared were %d", w.accepted, w.contentLength)
		w.drop(err)
		return err
	}
	if trailers := w.finalTrailers(); w.committed || len(trailers) > 0 {
		return w.finishParts(trailers)
	}
	return w.finishWhole()
}

// tooShort tells whether there is less of a body than was declared. The client
// must see that, so the response is broken off and not ended.
func (w *response) tooShort() bool {
	return w.contentLength > w.accepted && !w.isHead() && bodyAllowed(w.head.status)
}

// finishWhole sends a response of which nothing was sent yet.
func (w *response) finishWhole() error {
	body := w.buffered()
	w.head.sniff(body)
	if !w.head.noLength && (!w.isHead() || len(body) > 0) {
		w.head.setLength(len(body))
	}
	w.head.noType = true
	if w.isHead() {
		body = nil
	}
	return w.reply(body)
}

// reply sends a whole response, in one frame if credit and the host's limits
// allow it: of a reply it takes max_head and the stream's first window, however
// much credit has come since [G4].
func (w *response) reply(body []byte) error {
	host := &w.s.c.host
	room := min(host.maxFrame-streamHead-headSlack, host.maxHead+w.s.window)
	if w.head.size()+len(body) > room || !w.s.tryReserve(len(body)) {
		return w.finishParts(nil)
	}
	w.committed = true
	f, err := w.head.frame(kindReply, body, host.maxHead)
	if err != nil {
		w.drop(err)
		return err
	}
	return w.s.queue(f)
}

// finishParts sends what is left of a response as head, chunks and end.
func (w *response) finishParts(trailers []pair) error {
	if err := w.flush(); err != nil {
		return err
	}
	f, err := trailersFrame(trailers, w.s.c.host.maxHead)
	if err != nil {
		w.drop(err)
		return err
	}
	return w.s.queue(f)
}

// plain answers with a status and its text, where the handler has not, or could
// not. It is http.Error's answer.
func (w *response) plain(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.release()
	w.wroteHeader, w.finished, w.contentLength = true, true, -1
	defer w.release()
	text := http.StatusText(status) + "\n"
	w.head = head{status: status, noType: true, pairs: newBuffer(firstBuffer)}
	w.head.setLength(len(text))
	w.head.add("Content-Type", "text/plain; charset=utf-8")
	w.head.add("X-Content-Type-Options", "nosniff")
	if w.buf = newFrame(kindChunk, len(text)); !w.isHead() {
		w.buf.b = append(w.buf.b, text...)
	}
	if err := w.reply(w.buffered()); err != nil {
		w.s.abort(giveUp(err))
	}
}

// trailersFrame makes the frame that ends the half.
func trailersFrame(trailers []pair, maxHead int) (*buffer, *AbortError) {
	if len(trailers) == 0 {
		f := newFrame(kindFin, len(emptyPayload))
		f.b = append(f.b, emptyPayload...)
		return f, nil
	}
	size := 16
	for _, p := range trailers {
		size += 12 + len(p.name) + len(p.value)
	}
	if size > maxHead {
		return nil, abort(CodeTooLarge, "trailers of %d bytes, expected at most %d", size, maxHead)
	}
	f := newFrame(kindTrailers, size)
	f.b = etf.AppendList(etf.AppendVersion(f.b), len(trailers))
	for _, p := range trailers {
		f.b = appendPair(f.b, p.name, p.value)
	}
	f.b = etf.AppendNil(f.b)
	return f, nil
}

// finalTrailers returns the trailing fields that the handler has set: those it
// announced, and those that carry the prefix.
func (w *response) finalTrailers() []pair {
	var trailers []pair
	for name, values := range w.header {
		name, found := strings.CutPrefix(name, http.TrailerPrefix)
		if found && isToken(name) {
			trailers = appendTrailer(trailers, name, values)
		}
	}
	for _, name := range w.head.trailers {
		trailers = appendTrailer(trailers, name, w.header[name])
	}
	slices.SortStableFunc(trailers, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	return trailers
}

func appendTrailer(trailers []pair, name string, values []string) []pair {
	for _, v := range values {
		trailers = append(trailers, pair{name, cleanValue(v)})
	}
	return trailers
}

// release gives back what the response still holds.
func (w *response) release() {
	w.head.release()
	if w.buf != nil {
		w.buf.free()
		w.buf = nil
	}
}
