package bridge

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge/internal/mux"
	"github.com/gwport/gwport/bridge/internal/wire"
	"github.com/gwport/gwport/etf"
)

// finish ends a response behind a handler that has returned.
func (w *response) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.finished || w.hijacked {
		return // by plain, or by whoever has the connection
	}
	if !w.wroteHeader && w.err == nil {
		w.writeHeader(http.StatusOK)
	}
	w.refuseSwitch()
	w.finished = true
	defer w.release()
	err := w.finishBody()
	if broken := w.settleMemory(); err == nil {
		err = broken
	}
	if err != nil {
		w.out.fail(giveUp(err)) // if it was not what broke the response off
	}
}

// breakOff notes why there will be no more of the body; finish then says so.
func (w *response) breakOff(cause *AbortError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.breaks(cause)
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
	switch {
	case w.err != nil:
		return w.err
	case w.tooShort():
		return w.finishShort()
	}
	trailers := w.finalTrailers()
	if w.committed {
		return w.finishParts(trailers)
	}
	if w.page != nil {
		w.showFailure()
	}
	body := w.buffered()
	w.head.sniff(body)
	w.head.noType = true
	if !w.head.noLength && (!w.isHead || len(body) > 0) {
		w.head.setLength(int64(len(body)))
	}
	if len(trailers) > 0 {
		return w.finishParts(trailers)
	}
	if w.isHead {
		body = nil
	}
	return w.reply(body)
}

// tooShort tells whether there is less of a body than was declared.
func (w *response) tooShort() bool {
	return w.contentLength > w.accepted && w.hasBody()
}

// finishShort sends what there is of a body that is too short. The client must see
// that, so the response is then broken off and not ended. Of one that was broken off before, it
// is no news.
func (w *response) finishShort() error {
	if err := w.out.broken(); err != nil {
		return err
	}
	w.out.log(wire.LevelError, "bridge: response broken off: body of "+strconv.FormatInt(w.accepted, 10)+
		" bytes, declared were "+strconv.FormatInt(w.contentLength, 10))
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.settleMemory(); err != nil {
		return err
	}
	return abort(CodeBadLength, "body of %d bytes, declared were %d", w.accepted, w.contentLength)
}

// reply sends a whole response, in one frame if credit and the host's limits
// allow it.
func (w *response) reply(body []byte) error {
	if w.head.size()+len(body) > w.maxReply {
		return w.finishParts(nil)
	}
	f, tooLarge := w.head.frame(wire.KindReply, body, w.maxHead)
	if tooLarge != nil {
		w.committed = true
		w.drop(tooLarge)
		return tooLarge
	}
	queued, err := w.out.queueReply(f, len(body))
	if err != nil {
		return err
	}
	if !queued {
		return w.finishParts(nil)
	}
	w.committed = true
	return nil
}

// finishParts sends what is left of a response as head, chunks and end.
func (w *response) finishParts(trailers []Header) error {
	if err := w.flush(); err != nil {
		return err
	}
	if err := w.settleMemory(); err != nil {
		return err
	}
	f, err := trailersFrame(trailers, w.maxHead)
	if err != nil {
		w.drop(err)
		return err
	}
	return w.out.Queue(f)
}

// plain answers with a status and its text, where the handler has not, or could
// not. It is http.Error's answer, and not given if the head is on its way.
func (w *response) plain(status int) bool {
	return w.instead(status, http.StatusText(status)+"\n", plainFields())
}

func plainFields() []Header {
	return []Header{{"Content-Type", "text/plain; charset=utf-8"}, {"X-Content-Type-Options", "nosniff"}}
}

// instead answers in the handler's place, with nothing of what it has written, unless
// the head is on its way: there can be no other. A goroutine that the handler has left
// behind may send it until this has looked, and not after.
func (w *response) instead(status int, text string, fields []Header) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.committed || w.hijacked {
		return false
	}
	w.release()
	w.wroteHeader, w.finished, w.contentLength = true, true, -1
	defer w.release()
	w.head = head{status: status, noType: true, pairs: mux.NewBuffer(firstBuffer)}
	w.head.setLength(int64(len(text)))
	for _, f := range fields {
		w.head.add(f.Name, f.Value)
	}
	if w.buf = mux.NewFrame(wire.KindChunk, len(text)); !w.isHead {
		w.buf.B = append(w.buf.B, text...)
	}
	if err := w.reply(w.buffered()); err != nil {
		w.out.fail(giveUp(err))
	}
	return true
}

// trailersFrame makes the frame that ends the half.
func trailersFrame(trailers []Header, maxHead int) (*mux.Buffer, *AbortError) {
	if len(trailers) == 0 {
		f := mux.NewFrame(wire.KindFin, len(wire.EmptyPayload))
		f.B = append(f.B, wire.EmptyPayload...)
		return f, nil
	}
	size := 16
	for _, p := range trailers {
		size += 12 + len(p.Name) + len(p.Value)
	}
	if size > maxHead {
		return nil, abort(CodeTooLarge, "trailers of %d bytes, expected at most %d", size, maxHead)
	}
	f := mux.NewFrame(wire.KindTrailers, size)
	f.B = etf.AppendList(etf.AppendVersion(f.B), len(trailers))
	for _, p := range trailers {
		f.B = wire.AppendPair(f.B, p.Name, p.Value)
	}
	f.B = etf.AppendNil(f.B)
	return f, nil
}

// finalTrailers returns the trailing fields that the handler has set: those it
// announced, and those that carry the prefix; where the response has a place for
// them.
func (w *response) finalTrailers() []Header {
	if !w.mayTrail() {
		return nil
	}
	var trailers []Header
	for name, values := range w.header {
		if name, found := strings.CutPrefix(name, http.TrailerPrefix); found && wire.IsToken(name) {
			if !w.isHTTP2() || trailerAllowed(http.CanonicalHeaderKey(name)) {
				trailers = appendTrailer(trailers, name, values, w.isHTTP2())
			}
		}
	}
	for _, name := range w.head.trailers {
		if _, prefixed := w.header[http.TrailerPrefix+name]; !prefixed || !w.isHTTP2() {
			trailers = appendTrailer(trailers, name, w.header[name], w.isHTTP2())
		}
	}
	slices.SortStableFunc(trailers, func(a, b Header) int { return strings.Compare(a.Name, b.Name) })
	return trailers
}

// mayTrail tells whether trailing fields can follow the body: on HTTP/1 only one
// that comes in chunks, which net/http does not send where it knows a length.
func (w *response) mayTrail() bool {
	switch {
	case w.isHead:
		return false
	case w.isHTTP2():
		return true
	}
	isWhole := !w.committed && !w.head.noLength
	return w.minor > 0 && w.head.chunked && !isWhole
}

func appendTrailer(trailers []Header, name string, values []string, isHTTP2 bool) []Header {
	for _, v := range values {
		if v, ok := cleanValue(v, isHTTP2); ok {
			trailers = append(trailers, Header{name, v})
		}
	}
	return trailers
}

// release gives back what the response still holds.
func (w *response) release() {
	w.head.release()
	if w.buf != nil {
		w.buf.Free()
		w.buf = nil
	}
}
