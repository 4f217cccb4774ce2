package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/gwport/gwport/test/compare/cases"
	"github.com/gwport/gwport/test/compare/script"
)

// h2 is HTTP/2, frame by frame. One goroutine reads; the client waits for what it has noted.
type h2 struct {
	c      *cases.Case
	id     string
	conn   net.Conn
	framer *http2.Framer
	isTLS  bool

	mu      sync.Mutex
	changed *sync.Cond
	err     error // of the connection
	goaway  *http2.ErrCode
	window  int // that the server gives the connection
	initial int // ... and new streams
	maxSize int
	isHeld  bool
	streams map[uint32]*h2stream
	last    uint32
	moved   time.Time // when something came

	writeMu sync.Mutex
	packer  *hpack.Encoder
	packed  bytes.Buffer

	main    *h2stream
	behind  *h2stream // the next request
	informs int       // that the client has taken notice of
	data    []byte
	sent    int
	work    sync.WaitGroup
}

type h2stream struct {
	id         uint32
	method     string
	a          answer
	window     int
	isHeadRead bool
	isOver     bool
	owed       int // bytes that the server was given no credit for
}

// grown is the window that the client opens beyond the first 65,535 bytes of the connection.
const (
	streamWindow = 1 << 20
	grown        = 1 << 30
)

func newH2(conn net.Conn, c *cases.Case, id string, isTLS bool) (*h2, error) {
	w := &h2{
		c: c, id: id, conn: conn, isTLS: isTLS, framer: http2.NewFramer(conn, conn),
		window: 65535, initial: 65535, maxSize: 16384, last: 1, streams: make(map[uint32]*h2stream),
		data: c.Body.Bytes(), moved: time.Now(),
	}
	w.changed = sync.NewCond(&w.mu)
	w.packer = hpack.NewEncoder(&w.packed)
	w.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	w.framer.MaxHeaderListSize = 1 << 20
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		return nil, err
	}
	err := errors.Join(
		w.framer.WriteSettings(
			http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow},
			http2.Setting{ID: http2.SettingEnablePush, Val: 0}),
		w.framer.WriteWindowUpdate(0, grown))
	go w.read()
	return w, err
}

func (w *h2) local() string { return w.conn.LocalAddr().String() }
func (w *h2) written()      { w.work.Wait() }
func (w *h2) leave()        { _ = w.conn.Close() }
func (w *h2) half()         { w.body(-1) }

func (w *h2) seen() *answer {
	if w.main == nil {
		return &answer{end: "not sent"}
	}
	return &w.main.a
}

func (w *h2) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isHeld = true
}

func (w *h2) reset() {
	w.writeMu.Lock()
	defer w.writeMu.Unlock()
	_ = w.framer.WriteRSTStream(w.main.id, http2.ErrCodeCancel)
}

// start opens a stream with these fields.
func (w *h2) start(fields []cases.Field, method string, isLast bool) *h2stream {
	w.writeMu.Lock()
	defer w.writeMu.Unlock()
	w.mu.Lock()
	s := &h2stream{id: w.last, method: method, window: w.initial}
	w.last += 2
	w.streams[s.id] = s
	w.mu.Unlock()
	w.headers(s.id, fields, isLast)
	return s
}

// headers writes a block, in as many frames as it takes.
func (w *h2) headers(id uint32, fields []cases.Field, isLast bool) {
	w.packed.Reset()
	for _, f := range fields {
		_ = w.packer.WriteField(hpack.HeaderField{Name: f.Name, Value: f.Value})
	}
	block := w.packed.Bytes()
	n := min(len(block), 16384)
	err := w.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: id, BlockFragment: block[:n], EndStream: isLast, EndHeaders: n == len(block),
	})
	for block = block[n:]; err == nil && len(block) > 0; block = block[n:] {
		n = min(len(block), 16384)
		err = w.framer.WriteContinuation(id, n == len(block), block[:n])
	}
}

func (w *h2) head() {
	c := w.c
	w.main = w.start(w.fields(), or(c.Method, "GET"), c.Body.IsNone())
}

// fields are the request's: its names in lower case, as a client's library sends them, unless the case has
// pseudo-fields of its own.
func (w *h2) fields() []cases.Field {
	c := w.c
	all := c.Pseudo
	if all == nil {
		scheme := "http"
		if w.isTLS {
			scheme = "https"
		}
		all = []cases.Field{{Name: ":method", Value: or(c.Method, "GET")}, {Name: ":scheme", Value: scheme}}
		if c.Host != "-" {
			all = append(all, cases.Field{Name: ":authority", Value: or(c.Host, serverName)})
		}
		all = append(all, cases.Field{Name: ":path", Value: or(c.Target, "/")})
	}
	all = append(all[:len(all):len(all)], cases.Field{Name: "x-case", Value: w.id},
		cases.Field{Name: "x-do", Value: script.Join(c.Do...)})
	for _, f := range append(c.Fields[:len(c.Fields):len(c.Fields)], h2BodyFields(c)...) {
		if c.Pseudo == nil {
			f.Name = strings.ToLower(f.Name)
		}
		all = append(all, f)
	}
	return all
}

func h2BodyFields(c *cases.Case) []cases.Field {
	if c.Body.Chunked || len(c.Body.Trailers) > 0 && c.Body.Declared == "" {
		return nil
	}
	return bodyFields(c)
}

// body sends it while the client goes on.
func (w *h2) body(n int) {
	isLast := n < 0
	if isLast {
		n = len(w.data) - w.sent
	}
	p := w.data[w.sent:min(len(w.data), w.sent+n)]
	w.sent += len(p)
	if w.c.Body.IsNone() || !isLast && len(p) == 0 {
		return
	}
	w.work.Wait()
	w.work.Add(1)
	go func() {
		defer w.work.Done()
		w.sendData(p, isLast)
	}()
}

func (w *h2) sendData(p []byte, isLast bool) {
	s, trailers := w.main, slices.Clone(w.c.Body.Trailers)
	for {
		n, ok := w.credit(s, len(p))
		if !ok {
			return
		}
		ends := isLast && n == len(p) && len(trailers) == 0
		if n > 0 || ends {
			w.writeMu.Lock()
			err := w.framer.WriteData(s.id, ends, p[:n])
			w.writeMu.Unlock()
			if err != nil {
				return
			}
		}
		if p = p[n:]; len(p) == 0 {
			break
		}
	}
	if isLast && len(trailers) > 0 {
		for i := range trailers {
			trailers[i].Name = strings.ToLower(trailers[i].Name)
		}
		w.writeMu.Lock()
		w.headers(s.id, trailers, true)
		w.writeMu.Unlock()
	}
}

// credit waits until some of n bytes may be sent, and takes it.
func (w *h2) credit(s *h2stream, n int) (int, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n > 0 && min(w.window, s.window) <= 0 && w.err == nil && !s.isOver {
		w.changed.Wait()
	}
	if w.err != nil || s.isOver && s.a.end != "whole" {
		return 0, false
	}
	if s.isOver && min(w.window, s.window) <= 0 && n > 0 {
		return 0, false
	}
	n = min(n, w.window, s.window, w.maxSize)
	if n < 0 {
		n = 0
	}
	w.window, s.window = w.window-n, s.window-n
	return n, true
}

func (w *h2) readHead() {
	w.wait(w.main, func() bool { return w.main.isHeadRead })
}

func (w *h2) readBody(n int) {
	if n < 0 {
		w.flow()
	}
	w.wait(w.main, func() bool { return n >= 0 && w.main.a.body.n >= n })
}

// flow gives the credit that was held back.
func (w *h2) flow() {
	w.mu.Lock()
	w.isHeld = false
	owed := w.main.owed
	w.main.owed = 0
	w.mu.Unlock()
	w.grant(w.main.id, owed)
}

func (w *h2) grant(id uint32, n int) {
	if n == 0 {
		return
	}
	w.writeMu.Lock()
	defer w.writeMu.Unlock()
	_ = w.framer.WriteWindowUpdate(0, uint32(n))
	_ = w.framer.WriteWindowUpdate(id, uint32(n))
}

// wait waits for a state of the stream, or its end, or for nothing to come any more.
func (w *h2) wait(s *h2stream, is func() bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moved = time.Now()
	for !is() && !s.isOver && w.err == nil {
		if left := time.Until(w.moved.Add(hungAfter)); left <= 0 {
			s.a.end = "hung"
			return
		} else {
			t := time.AfterFunc(left, w.changed.Broadcast)
			w.changed.Wait()
			t.Stop()
		}
	}
	if !is() && !s.isOver {
		s.a.end = "cut"
	}
}

// inform waits for an informational response or the final one.
func (w *h2) inform() bool {
	before := w.informs
	w.wait(w.main, func() bool { return w.main.isHeadRead || len(w.main.a.informs) > before })
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.main.a.informs) == before {
		return false
	}
	w.informs++
	return true
}

func (w *h2) send() {
	w.head()
	w.body(-1)
}

// pipeline sends the next request without waiting for an answer.
func (w *h2) pipeline(id string, do ...script.Op) {
	other := &h2{c: &cases.Case{Do: do}, id: id, isTLS: w.isTLS}
	w.behind = w.start(other.fields(), "GET", true)
}

func (w *h2) next(id string) string {
	w.mu.Lock()
	gone := w.err != nil || w.goaway != nil
	w.mu.Unlock()
	if w.behind == nil && gone {
		return "closed"
	}
	if w.behind == nil {
		w.pipeline(id, script.Do("write", "next"))
	}
	w.wait(w.behind, func() bool { return false })
	return w.behind.a.served()
}

// check tells at a response's end whether its length is what it says.
func (s *h2stream) check() {
	length, ok := joined(s.a.head.fields)["content-length"]
	hasBody := s.method != "HEAD" && s.a.head.status != "304"
	if s.method == "HEAD" || s.a.head.status == "304" || s.a.head.status == "204" {
		s.a.framing = "none"
	}
	if n, err := strconv.Atoi(length); ok && hasBody && (err != nil || n != s.a.body.n) {
		s.a.framing = fmt.Sprintf("length %s of %d bytes", length, s.a.body.n)
	}
}
