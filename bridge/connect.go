package bridge

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/gwport/gwport/bridge/internal/mux"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// A client on HTTP/2 asks for WebSocket by an extended CONNECT (RFC 8441), and its connection
// is a stream. Go's libraries ask for a GET with Upgrade, and answer on a connection with a head of
// HTTP/1.1 that they write themselves. So the one is shown to them as the other (asUpgrade), and
// that head is read off what they write.

// streamHead is the head that a handler writes to a connection which is a stream of HTTP/2.
type streamHead struct {
	state atomic.Int32
	text  []byte // what has come of it; the writer's own
}

const (
	headNone     int32 = iota // the head is among the connection's bytes
	headToCome                // ... or the stream's, and not there yet
	headAccepts               // it was 101
	headDeclines              // it was another: what follows is a body
)

func (h *streamHead) is(state int32) bool { return h.state.Load() == state }

var (
	errNoHead   = errors.New("bridge: the end of what is sent, before the head of the response")
	errLongHead = errors.New("bridge: the head of the response is too long")
	errBadHead  = errors.New("bridge: what was written is no head of a response")
)

var headEnd = []byte("\r\n\r\n")

func newStreamConn(x *exchange) *conn {
	c := newConn(x)
	c.head.state.Store(headToCome)
	return c
}

// answer takes what p has of the head that the client is still to be sent, and maybe informational
// ones before it. It returns how many bytes that was.
func (c *conn) answer(p []byte) (n int, err error) {
	for c.head.is(headToCome) && n < len(p) {
		taken, err := c.head.collect(p[n:], c.x.response.maxHead)
		if err == nil && bytes.HasSuffix(c.head.text, headEnd) {
			err = c.sendHead()
		}
		if n += taken; err != nil {
			c.x.fail(abort(CodeBadResponse, "%v", err))
			return n, err
		}
	}
	return n, nil
}

// collect takes what p has of a head, and no byte behind its end.
func (h *streamHead) collect(p []byte, most int) (n int, err error) {
	old := len(h.text)
	h.text = append(h.text, p[:min(len(p), most+1-old)]...)
	from := max(0, old-len(headEnd)+1)
	if i := bytes.Index(h.text[from:], headEnd); i >= 0 {
		h.text = h.text[:from+i+len(headEnd)]
	}
	if len(h.text) > most {
		err = errLongHead
	}
	return len(h.text) - old, err
}

// sendHead sends the head that is there as one of HTTP/2.
func (c *conn) sendHead() error {
	status, header, err := parseHead(c.head.text)
	if err != nil {
		return err
	}
	c.head.text = nil
	kind, next := wire.KindHead, headDeclines
	switch {
	case status == http.StatusSwitchingProtocols:
		return c.accept(header)
	case status < 200:
		kind, next = wire.KindInform, headToCome
	case header["Transfer-Encoding"] != nil:
		return errBadHead // nobody would take the chunks apart
	}
	f, err := c.headFrame(kind, declining(status), header)
	if err != nil {
		return err
	}
	return c.headSent(next, c.x.Out.Queue(f))
}

// accept opens the tunnel, without what is a matter of HTTP/1.1's handshake.
func (c *conn) accept(header http.Header) error {
	for _, name := range []string{"Connection", "Upgrade", "Sec-Websocket-Accept"} {
		delete(header, name)
	}
	f, err := c.headFrame(wire.KindHead, http.StatusOK, header)
	if err != nil {
		return err
	}
	return c.headSent(headAccepts, c.x.Connect(f))
}

func (c *conn) headSent(state int32, err error) error {
	if err == nil {
		c.head.state.Store(state)
	}
	return err
}

// headFrame makes a frame of a head, with the length only of a body that follows.
func (c *conn) headFrame(k wire.Kind, status int, header http.Header) (*mux.Buffer, error) {
	h := head{isHTTP2: true}
	defer h.release()
	h.fixInform(status, header)
	if length, err := strconv.ParseUint(header.Get("Content-Length"), 10, 63); err == nil && status >= 300 {
		h.setLength(int64(length))
	}
	f, tooLarge := h.frame(k, nil, c.x.response.maxHead)
	if tooLarge != nil {
		return nil, tooLarge
	}
	return f, nil
}

func parseHead(text []byte) (status int, header http.Header, err error) {
	r := textproto.NewReader(bufio.NewReader(bytes.NewReader(text)))
	line, err := r.ReadLine()
	if err != nil {
		return 0, nil, errBadHead
	}
	proto, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	status, err = strconv.Atoi(code)
	if err != nil || len(code) != 3 || status < 100 || !strings.HasPrefix(proto, "HTTP/1.") {
		return 0, nil, errBadHead
	}
	fields, err := r.ReadMIMEHeader()
	if err != nil {
		return 0, nil, errBadHead
	}
	return status, http.Header(fields), nil
}

// lastWord is how a connection that is closed ends its stream: behind what was written, if the
// client was answered as it has asked. A response that is none of a connection ends in its own way,
// unless somebody is still in the middle of writing it.
func (c *conn) lastWord() *mux.Abort {
	switch {
	case c.head.is(headToCome):
		return &mux.Abort{Code: wire.CodeCancelled}
	case !c.head.is(headDeclines):
		return &mux.Abort{Code: wire.CodeNoError}
	case !c.write.TryLock():
		return &mux.Abort{Code: wire.CodeCancelled}
	}
	defer c.write.Unlock()
	_ = c.closeWrite() // its error is the end that it would have brought
	return nil
}
