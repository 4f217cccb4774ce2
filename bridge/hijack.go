package bridge

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// hijackBuffer is the size of each of the buffers that Hijack returns, which is net/http's.
const hijackBuffer = 4 << 10

// Hijack takes the client's connection over, as under net/http: from then on what the client
// sends and is sent are bytes of the handler's own, response and all. It is for requests of
// HTTP/1.1 without a body that ask for an upgrade, where the host hands its connections over,
// and for extended CONNECT on HTTP/2, where the connection is the request's stream: the head
// that the handler writes is sent as HTTP/2 has it, its 101 as 200, and what follows as it is.
// For any other the error is [http.ErrNotSupported].
//
// The net.Conn outlives the handler, and has CloseWrite. Its Write waits for a client that
// does not read, and its Read gives the client's first bytes even if they came with the request.
// What ends it early is an [*AbortError], as it is for a request's body.
func (w *response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.hijacked:
		return nil, nil, http.ErrHijacked
	case w.finished:
		return nil, nil, errReturned
	case w.committed:
		return nil, nil, errLateHijack
	case w.err != nil:
		return nil, nil, w.err
	}
	conn, err := w.out.hijack()
	if err != nil {
		return nil, nil, err
	}
	w.hijacked = true
	w.release()
	rw := bufio.NewReadWriter(bufio.NewReaderSize(conn, hijackBuffer), bufio.NewWriterSize(conn, hijackBuffer))
	if w.wroteHeader {
		if _, err := conn.Write(w.rawHead()); err != nil {
			return nil, nil, err
		}
	}
	return conn, rw, nil
}

var (
	errLateHijack = errors.New("bridge: Hijack after the head of the response was sent")
	errAppHijack  = fmt.Errorf("bridge: Hijack: the handler runs as an App: %w", http.ErrNotSupported)
	errNoUpgrade  = fmt.Errorf("bridge: Hijack: the host offers its connection for HTTP/1.1 requests without a body "+
		"that ask for an upgrade, with gwport_pipeline_h among the listener's stream_handlers, and for extended CONNECT: %w", http.ErrNotSupported)
)

// rawHead is the head that a handler has fixed before it took the connection over, as text.
func (w *response) rawHead() []byte {
	var b bytes.Buffer
	text := http.StatusText(w.head.status)
	if text == "" {
		text = "status code " + strconv.Itoa(w.head.status)
	}
	fmt.Fprintf(&b, "HTTP/1.1 %03d %s\r\n", w.head.status, text)
	_ = w.header.Write(&b)
	if _, has := w.header["Date"]; !has {
		fmt.Fprintf(&b, "Date: %s\r\n", time.Now().UTC().Format(http.TimeFormat))
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

func (w *response) isHijacked() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hijacked
}
