package bridge

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/gwport/gwport/bridge/internal/mux"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// response is the http.ResponseWriter. What it promises is what net/http's own
// promises; where a comment gives no other reason, that is the reason.
//
// A body that ends within lastBuffer bytes, unflushed, travels with its head in
// one frame. So may one of up to mux.MaxWhole whose length the handler has declared;
// the writer decides that (Buffer.Whole). Anything else is a head, and chunks as they
// come.
type response struct {
	out sink
	req *http.Request
	responseKind
	page pager // nil but in development

	closeOnce   sync.Once
	closeNotify chan bool

	// mu lets a goroutine that the handler has left behind do no harm: buffers
	// are used again, and its bytes must not end up in another response.
	mu       sync.Mutex
	finished bool
	hijacked bool // the handler has the connection

	header        http.Header
	head          head
	wroteHeader   bool  // WriteHeader: status and header are fixed
	committed     bool  // the head is on its way
	contentLength int64 // declared; -1: not
	written       int64 // bytes of the body that Write was given
	accepted      int64 // ... and that it took
	informs       int
	buf           *mux.Buffer // body not yet sent; nil: none
	memory        *memory     // where the body goes instead of the wire; nil: by the wire
	part          *part       // the same for a smaller one
	err           error       // what broke the body; there is no going on after it
}

// responseKind is what a response needs to know of its request, and of where it goes.
type responseKind struct {
	isHead       bool
	files        bool // the host takes them
	connects     bool // it answers an extended CONNECT as if that were an upgrade
	major, minor int  // of the client's HTTP, whose rules for fields differ
	maxHead      int  // the largest head, and the largest whole response, that can be sent
	maxReply     int
}

func (w *response) init(out sink, kind responseKind) {
	w.out, w.responseKind = out, kind
	w.contentLength = -1
}

func (k *responseKind) isHTTP2() bool { return k.major >= 2 }

// Header is the map that WriteHeader takes the header from.
func (w *response) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header)
	}
	return w.header
}

// WriteHeader fixes the status and the header, or sends an informational
// response (1xx) at once.
func (w *response) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(status)
}

func (w *response) writeHeader(status int) {
	switch {
	case w.hijacked:
		w.out.log(wire.LevelWarning, "bridge: WriteHeader on a hijacked connection"+caller())
		return
	case w.finished:
		w.out.log(wire.LevelWarning, "bridge: WriteHeader after the handler has returned"+caller())
		return
	case w.wroteHeader:
		w.out.log(wire.LevelWarning, "bridge: superfluous response.WriteHeader call"+caller())
		return
	case status < 100 || status > 999:
		panic("bridge: invalid WriteHeader code " + strconv.Itoa(status))
	case status == http.StatusSwitchingProtocols:
		// It can only be sent by Hijack, which some libraries call next.
		w.wroteHeader, w.head.status = true, status
		return
	case status < 200:
		w.inform(status)
		return
	}
	w.wroteHeader = true
	if w.connects {
		status = declining(status)
	}
	w.contentLength = w.declaredLength()
	w.head.fix(status, w)
}

// declaredLength reads the handler's Content-Length. One that is no number is
// taken out of the header. HTTP/1 is told here from HTTP/2 as net/http does it:
// only the one takes a sign.
func (w *response) declaredLength() int64 {
	cl := w.header.Get("Content-Length")
	if cl == "" {
		return -1
	}
	n, err := strconv.ParseInt(cl, 10, 64)
	if err != nil || n < 0 || w.isHTTP2() && (cl[0] == '+' || cl[0] == '-') {
		w.out.log(wire.LevelWarning, "bridge: invalid Content-Length of "+strconv.Quote(cl))
		w.header.Del("Content-Length")
		return -1
	}
	return n
}

// Write implements io.Writer. It waits while the client is slower than the
// handler, and returns the cause once the stream was aborted.
func (w *response) Write(p []byte) (int, error) {
	return write(w, p)
}

// WriteString implements io.StringWriter.
func (w *response) WriteString(p string) (int, error) {
	return write(w, p)
}

func write[T ~[]byte | ~string](w *response, p T) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.beforeWrite(len(p)); err != nil || len(p) == 0 {
		return 0, err
	}
	n := 0
	for n < len(p) {
		if w.buf == nil && len(p)-n > lastBuffer {
			sent, err := sendThrough(w, p[n:])
			return n + sent, w.breaks(err)
		}
		room, err := w.room(len(p) - n)
		if err != nil {
			return n, w.breaks(err)
		}
		w.buf.B = append(w.buf.B, p[n:n+room]...)
		n += room
	}
	return n, nil
}

// breaks notes what broke the body: bytes are missing from it now.
func (w *response) breaks(err error) error {
	if err != nil && w.err == nil {
		w.err = err
	}
	return err
}

// beforeWrite sees to the head, and to what the head says of the body.
func (w *response) beforeWrite(n int) error {
	switch {
	case w.hijacked:
		return http.ErrHijacked
	case w.finished:
		return errReturned
	}
	if !w.wroteHeader {
		w.writeHeader(http.StatusOK)
	}
	w.refuseSwitch()
	if w.err != nil {
		return w.err
	}
	if n == 0 && !w.isHTTP2() {
		return nil
	}
	if !bodyAllowed(w.head.status) {
		return http.ErrBodyNotAllowed
	}
	w.written += int64(n)
	if w.contentLength >= 0 && w.written > w.contentLength {
		return http.ErrContentLength
	}
	if err := w.out.broken(); err != nil {
		return w.breaks(err)
	}
	w.accepted += int64(n)
	return nil
}

// room makes room in the buffer for up to n bytes more. A buffer begins small
// and grows; the largest is sent when it is full, behind the head.
func (w *response) room(n int) (int, error) {
	if w.buf == nil {
		w.buf = mux.NewFrame(wire.KindChunk, min(n, lastBuffer))
	}
	for w.free() == 0 {
		if w.buf.Payload() < lastBuffer {
			w.grow()
			continue
		}
		if err := w.flush(); err != nil {
			return 0, err
		}
		w.buf = mux.NewFrame(wire.KindChunk, lastBuffer) // so much is likely to follow
	}
	return min(n, w.free()), nil
}

func (w *response) free() int {
	return min(cap(w.buf.B)-wire.ChunkRoom, lastBuffer) - w.buf.Payload()
}

// grow changes the buffer for a larger one.
func (w *response) grow() {
	size := firstBuffer
	if w.buf.Payload() >= firstBuffer {
		size = lastBuffer
	}
	larger := mux.NewFrame(wire.KindChunk, size)
	larger.B = append(larger.B, w.buf.B[wire.ChunkRoom:]...)
	w.buf.Free()
	w.buf = larger
}

// sendThrough sends bytes that are too many for the buffer, which is empty.
func sendThrough[T ~[]byte | ~string](w *response, p T) (int, error) {
	if !w.committed {
		w.head.sniff([]byte(p[:sniffLen]))
		if err := w.commit(); err != nil {
			return 0, err
		}
	}
	if w.isHead {
		return len(p), nil
	}
	sent, err := w.remember(bytesOf(p))
	if err != nil || sent == len(p) {
		return sent, err
	}
	rest, err := mux.Send(w.out, p[sent:])
	return sent + rest, err
}

// flush sends the head, if that is still to be done, and what is buffered.
func (w *response) flush() error {
	if err := w.commit(); err != nil || w.buf == nil {
		return err
	}
	f := w.buf
	w.buf = nil
	if w.isHead || f.Payload() == 0 {
		f.Free()
		return nil
	}
	return w.sendChunk(f)
}

// sendChunk takes a chunk over.
func (w *response) sendChunk(f *mux.Buffer) error {
	sent, err := w.remember(f.B[wire.ChunkRoom:])
	switch {
	case err == nil && sent == 0 && f.Payload() <= wire.MaxChunk:
		return w.out.queueChunk(f)
	case err == nil:
		_, err = mux.Send(w.out, f.B[wire.ChunkRoom+sent:])
	}
	f.Free()
	return err
}

// commit sends the head.
func (w *response) commit() error {
	if w.committed {
		return nil
	}
	w.committed = true
	w.head.sniff(w.buffered())
	defer w.head.release()
	size := w.head.size()
	f, err := w.head.frame(wire.KindHead, nil, w.maxHead)
	if err != nil {
		w.drop(err)
		return err
	}
	if w.share(f) {
		return nil
	}
	if w.mayBeWhole(size) {
		f.Whole = int(w.contentLength)
	}
	return w.out.Queue(f)
}

// mayBeWhole tells whether the response may go as one frame although its head is sent,
// which has so many bytes. On HTTP/2 a host keeps for its client what that has no window
// for, without end: chunks stay in the stream's own window.
func (w *response) mayBeWhole(size int) bool {
	n := w.contentLength
	return 0 < n && n <= min(mux.MaxWhole, int64(w.maxReply-size)) && w.hasBody() && !w.isHTTP2()
}

// hasBody tells whether what is written is sent.
func (w *response) hasBody() bool { return !w.isHead && bodyAllowed(w.head.status) }

// refuseSwitch ends a response that would go on behind a 101.
func (w *response) refuseSwitch() {
	if w.head.status == http.StatusSwitchingProtocols && w.err == nil {
		w.drop(abort(CodeBadResponse, "101 Switching Protocols is not followed by Hijack"))
	}
}

// drop ends a response that cannot be sent.
func (w *response) drop(err *AbortError) {
	w.out.log(wire.LevelError, "bridge: response dropped: "+err.Text)
	_ = w.breaks(err)
	w.out.fail(err)
}

// inform sends an informational response. 100 Continue to a client that waits for
// it is not one on the wire: the first credit for the body makes the host send it.
func (w *response) inform(status int) {
	if status == http.StatusContinue && w.out.goAhead() {
		return
	}
	if w.informs++; w.informs > wire.MaxInforms {
		if w.informs == wire.MaxInforms+1 {
			w.out.log(wire.LevelWarning, "bridge: more informational responses than can be sent; the rest are dropped")
		}
		return
	}
	h := head{isHTTP2: w.isHTTP2()}
	defer h.release()
	h.fixInform(status, w.header)
	f, err := h.frame(wire.KindInform, nil, w.maxHead)
	if err != nil {
		w.out.log(wire.LevelWarning, "bridge: informational response dropped: "+err.Text)
		return
	}
	_ = w.out.Queue(f)
}

func (w *response) buffered() []byte {
	if w.buf == nil {
		return nil
	}
	return w.buf.B[wire.ChunkRoom:]
}
