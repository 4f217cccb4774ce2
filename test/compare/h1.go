package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gwport/gwport/test/compare/cases"
	"github.com/gwport/gwport/test/compare/script"
)

// h1 is HTTP/1.x, byte by byte.
type h1 struct {
	joins  bool // what is written is kept in joined
	joined []byte
	c      *cases.Case
	id     string
	conn   net.Conn
	in     *bufio.Reader
	a      answer

	isHeadRead bool
	left       int64 // of the body that is read: bytes of it, or of its chunk
	method     string

	data    []byte // of the request's body
	sent    int
	writing sync.WaitGroup
	behind  *h1           // the next request
	order   chan struct{} // what is written last, so that writes keep their order
}

func newH1(conn net.Conn, c *cases.Case, id string) *h1 {
	method := c.Method
	if c.Raw != "" {
		method, _, _ = strings.Cut(c.Raw, " ")
	}
	return &h1{c: c, id: id, conn: conn, in: bufio.NewReader(conn), method: method, data: c.Body.Bytes()}
}

func (w *h1) local() string { return w.conn.LocalAddr().String() }
func (w *h1) seen() *answer { return &w.a }
func (w *h1) written()      { w.writing.Wait() }
func (w *h1) hold()         {} // what nobody reads stays with the system
func (w *h1) leave()        { _ = w.conn.Close() }

func (w *h1) half() {
	w.writing.Wait()
	if c, ok := w.conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
}

func (w *h1) reset() {
	if c, ok := w.conn.(*net.TCPConn); ok {
		_ = c.SetLinger(0)
	}
	_ = w.conn.Close()
}

// write writes while the client goes on, behind what was written before. An error will be seen by who reads.
func (w *h1) write(p []byte) {
	if w.joins {
		w.joined = append(w.joined, p...)
		return
	}
	before, now := w.order, make(chan struct{})
	w.order = now
	w.writing.Add(1)
	go func() {
		defer w.writing.Done()
		defer close(now)
		if before != nil {
			<-before
		}
		_, _ = w.conn.Write(p)
	}()
}

// send writes head and body at once where they are small: a server that has refused the head and closed the connection
// would answer a body that comes behind with a reset, which may overtake its response.
func (w *h1) send() {
	if len(w.data) > 2048 {
		w.head()
		w.body(-1)
		return
	}
	w.joins = true
	w.head()
	w.body(-1)
	w.joins = false
	w.write(w.joined)
}

func (w *h1) head() { w.write([]byte(w.headText())) }

func (w *h1) headText() string {
	c := w.c
	own := fmt.Sprintf("X-Case: %s\r\nX-Do: %s\r\n", w.id, script.Join(c.Do...))
	if c.Raw != "" {
		return strings.ReplaceAll(c.Raw, "{case}", own)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\r\n", or(c.Method, "GET"), or(c.Target, "/"), or(c.Proto, "HTTP/1.1"))
	if c.Host != "-" {
		fmt.Fprintf(&b, "Host: %s\r\n", or(c.Host, serverName))
	}
	b.WriteString(own)
	for _, f := range c.Fields {
		fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
	}
	for _, f := range bodyFields(c) {
		fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
	}
	return b.String() + "\r\n"
}

// bodyFields say how the body is delimited.
func bodyFields(c *cases.Case) []cases.Field {
	switch {
	case c.Body.Declared == "-", c.Body.IsNone():
		return nil
	case c.Body.Declared != "":
		return []cases.Field{{Name: "Content-Length", Value: c.Body.Declared}}
	case c.Body.Chunked || len(c.Body.Trailers) > 0:
		return []cases.Field{{Name: "Transfer-Encoding", Value: "chunked"}}
	}
	return []cases.Field{{Name: "Content-Length", Value: strconv.Itoa(len(c.Body.Bytes()))}}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (w *h1) body(n int) {
	isLast := n < 0
	if isLast {
		n = len(w.data) - w.sent
	}
	p := w.data[w.sent:min(len(w.data), w.sent+n)]
	w.sent += len(p)
	if w.c.Body.Chunked || len(w.c.Body.Trailers) > 0 {
		p = w.chunks(p, isLast)
	}
	if len(p) > 0 {
		w.write(p)
	}
}

func (w *h1) chunks(p []byte, isLast bool) []byte {
	var b bytes.Buffer
	size := w.c.Body.Piece
	if size == 0 {
		size = 16384
	}
	for len(p) > 0 {
		n := min(size, len(p))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, p[:n])
		p = p[n:]
	}
	if !isLast {
		return b.Bytes()
	}
	b.WriteString("0\r\n")
	for _, f := range w.c.Body.Trailers {
		fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// readHead reads heads up to the final one.
func (w *h1) readHead() { w.readHeads(func() bool { return false }) }

func (w *h1) readHeads(is func() bool) {
	for !w.isHeadRead && w.a.end == "" && !is() {
		h, err := w.readOne()
		if err != nil {
			w.a.end = endOf(err)
			return
		}
		if strings.HasPrefix(h.status, "1") && h.status != "101" {
			w.a.informs = append(w.a.informs, h)
			continue
		}
		w.a.head, w.isHeadRead = h, true
		w.frame()
	}
}

func (w *h1) readOne() (headOf, error) {
	line, err := w.line()
	if err != nil {
		return headOf{}, err
	}
	proto, rest, _ := strings.Cut(line, " ")
	if !strings.HasPrefix(proto, "HTTP/1.") {
		return headOf{}, fmt.Errorf("compare: no status line: %q", line)
	}
	var h headOf
	h.status, h.reason, _ = strings.Cut(rest, " ")
	for {
		line, err := w.line()
		if err != nil || line == "" {
			return h, err
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return h, fmt.Errorf("compare: no field: %q", line)
		}
		h.fields = append(h.fields, cases.Field{Name: name, Value: strings.Trim(value, " \t")})
	}
}

// line is one without its end, which must be CR LF.
func (w *h1) line() (string, error) {
	_ = w.conn.SetReadDeadline(time.Now().Add(hungAfter))
	line, err := w.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	text, ok := strings.CutSuffix(line, "\r\n")
	if !ok {
		return "", errors.New("compare: a line without CR")
	}
	return text, nil
}

// frame finds out how the body is delimited.
func (w *h1) frame() {
	fields := joined(w.a.head.fields)
	length, hasLength := fields["content-length"]
	switch coding := fields["transfer-encoding"]; {
	case w.method == "HEAD", w.a.head.status == "204", w.a.head.status == "304", w.a.head.status == "101":
		w.a.framing = "none"
		if coding != "" && w.a.head.status != "304" && w.method != "HEAD" {
			w.a.framing = "a coding where no body is"
		}
	case coding != "" && hasLength:
		w.a.framing = "both a length and a coding"
	case coding == "chunked":
		w.a.framing = "chunked"
	case coding != "":
		w.a.framing = "coding " + coding
	case hasLength:
		n, err := strconv.ParseInt(length, 10, 64)
		w.left, w.a.framing = n, "length"
		if err != nil {
			w.a.framing = "length " + length
		}
	default:
		w.a.framing = "close"
	}
	switch {
	case w.a.framing == "none":
		w.a.end = "whole"
	case !isRight(w.a.framing):
		w.a.end = "cut" // nobody could tell where it ends
	}
}

// readBody reads n bytes of it, or to its end.
func (w *h1) readBody(n int) {
	w.readHead()
	for n != 0 && w.a.end == "" {
		if w.a.framing == "chunked" && w.left == 0 && !w.chunk() {
			return
		}
		most := int64(n)
		if w.a.framing != "close" && (n < 0 || w.left < most) {
			most = w.left
		}
		k := w.copy(most)
		if n > 0 {
			n -= int(k)
		}
	}
}

// copy reads some of what is there; fewer than 0 stands for any number.
func (w *h1) copy(most int64) int64 {
	if most == 0 {
		if w.a.framing == "length" {
			w.a.end = "whole"
		}
		return 0
	}
	block := make([]byte, 32768)
	if most > 0 {
		block = block[:min(most, int64(len(block)))]
	}
	_ = w.conn.SetReadDeadline(time.Now().Add(hungAfter))
	k, err := w.in.Read(block)
	_, _ = w.a.body.Write(block[:k])
	if w.a.framing != "close" {
		w.left -= int64(k)
	}
	switch {
	case err == nil && w.a.framing == "length" && w.left == 0:
		w.a.end = "whole"
	case err == nil && w.a.framing == "chunked" && w.left == 0:
		w.crlf()
	case err == io.EOF && w.a.framing == "close":
		w.a.end = "whole"
	case err != nil:
		w.a.end = endOf(err)
	}
	return int64(k)
}

func (w *h1) crlf() {
	if line, err := w.line(); err != nil {
		w.a.end = endOf(err)
	} else if line != "" {
		w.a.end, w.a.framing = "cut", "a chunk that is longer than it says"
	}
}

// chunk reads the line before a chunk; with the last one all that follows. It returns false at the end.
func (w *h1) chunk() bool {
	line, err := w.line()
	if err != nil {
		w.a.end = endOf(err)
		return false
	}
	n, err := strconv.ParseInt(line, 16, 64)
	if err != nil {
		w.a.end, w.a.framing = "cut", "no chunk: "+line
		return false
	}
	w.left = n
	if n > 0 {
		return true
	}
	for {
		line, err := w.line()
		if err != nil {
			w.a.end = endOf(err)
			return false
		}
		if line == "" {
			w.a.end = "whole"
			return false
		}
		name, value, _ := strings.Cut(line, ":")
		w.a.trailers = append(w.a.trailers, cases.Field{Name: name, Value: strings.TrimSpace(value)})
	}
}

// inform reads one head, which is the final one if it is not informational.
func (w *h1) inform() bool {
	before := len(w.a.informs)
	w.readHeads(func() bool { return len(w.a.informs) > before })
	return len(w.a.informs) > before
}

// pipeline sends the next request without waiting for an answer.
func (w *h1) pipeline(id string, do ...script.Op) {
	w.behind = newH1(w.conn, &cases.Case{Do: do}, id)
	w.behind.order = w.order
	w.behind.head()
	w.order = w.behind.order
}

// next sends one request more, unless that is done, and reads its answer.
func (w *h1) next(id string) string {
	if w.a.framing == "close" {
		return "closed"
	}
	if w.behind == nil {
		w.pipeline(id, script.Do("write", "next"))
	}
	other := w.behind
	other.in = w.in
	other.readBody(-1)
	return other.a.served()
}

// served tells what became of the request behind a case's own.
func (a *answer) served() string {
	switch {
	case a.end == "whole" && a.head.status == "200" && string(a.body.head) == "next":
		return "served"
	case a.head.status != "":
		return fmt.Sprintf("answered by %s %s", a.head.status, &a.body)
	case a.end == "hung":
		return "hung"
	}
	return "closed"
}
