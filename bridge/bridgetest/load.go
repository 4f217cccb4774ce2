package bridgetest

import (
	"encoding/binary"
	"io"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/etf"
)

// A Load is a host for benchmarks. It sends the same GET again and again, a
// number of them at a time, and looks at nothing but the kinds of the answers,
// so that what is measured is the program.
type Load struct {
	w    io.Writer
	r    io.Reader
	open []byte // an open for stream 0
	buf  []byte
	next uint32
}

// NewLoad makes a Load that writes to the program's input and reads its output,
// which should be buffered.
func NewLoad(w io.Writer, r io.Reader) *Load {
	req := Request{Path: "/hello?name=world", Headers: []bridge.Header{
		{Name: "user-agent", Value: "Mozilla/5.0 (X11; Linux x86_64)"},
		{Name: "accept", Value: "*/*"},
		{Name: "accept-encoding", Value: "gzip, deflate"},
		{Name: "cookie", Value: "session=0123456789abcdef"},
	}}
	// As much credit as the benchmarks' bodies need.
	payload := term(etf.Tuple{0, 256 << 10, req.Term()})
	return &Load{w: w, r: r, next: 256, open: Frame{Kind: Open, Stream: 256, Payload: payload}.Append(nil), buf: make([]byte, 1<<20)}
}

// Greet greets the program.
func (l *Load) Greet() error {
	if _, err := l.w.Write(Frame{Kind: Hello, Payload: Config{}.hello()}.Append(nil)); err != nil {
		return err
	}
	_, err := ReadFrame(l.r)
	return err
}

// Open sends n requests, and waits for nothing.
func (l *Load) Open(n int) error {
	for n > 0 {
		batch := min(n, len(l.buf)/len(l.open))
		if err := l.send(batch); err != nil {
			return err
		}
		n -= batch
	}
	return nil
}

// Run does n exchanges, up to atOnce of them at a time. What has been answered
// while the answers were read is replaced in one write.
func (l *Load) Run(n, atOnce int) error {
	left, live := n, 0
	for left > 0 || live > 0 {
		batch := min(left, atOnce-live)
		if err := l.send(batch); err != nil {
			return err
		}
		left -= batch
		live += batch
		ended, err := l.receive()
		if err != nil {
			return err
		}
		live -= ended
	}
	return nil
}

func (l *Load) send(n int) error {
	if n == 0 {
		return nil
	}
	b := l.buf[:0]
	for range n {
		at := len(b)
		b = append(b, l.open...)
		binary.BigEndian.PutUint32(b[at+10:], l.next)
		l.next += 2
	}
	_, err := l.w.Write(b)
	return err
}

// receive reads the answers that are there, and waits for one if there is none.
func (l *Load) receive() (ended int, err error) {
	for {
		k, err := l.skip()
		if err != nil {
			return ended, err
		}
		if k == Reply || k == Fin || k == Abort {
			ended++
		}
		if b, ok := l.r.(interface{ Buffered() int }); ended > 0 && (!ok || b.Buffered() == 0) {
			return ended, nil
		}
	}
}

// skip reads a frame and returns its kind.
func (l *Load) skip() (Kind, error) {
	var start [9]byte
	if _, err := io.ReadFull(l.r, start[:]); err != nil {
		return 0, err
	}
	rest := int(binary.BigEndian.Uint32(start[:])) - 5
	if d, ok := l.r.(interface{ Discard(int) (int, error) }); ok {
		_, err := d.Discard(rest)
		return Kind(start[8]), err
	}
	_, err := io.CopyN(io.Discard, l.r, int64(rest))
	return Kind(start[8]), err
}
