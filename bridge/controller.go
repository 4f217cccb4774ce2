package bridge

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/gwport/gwport/bridge/internal/mux"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// What a handler reaches by http.Flusher, http.CloseNotifier, io.ReaderFrom and
// http.ResponseController.

// Flush sends what has been written so far.
func (w *response) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *response) FlushError() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.hijacked:
		return http.ErrHijacked
	case w.finished:
		return errReturned
	}
	if !w.wroteHeader {
		w.writeHeader(http.StatusOK)
	}
	if w.head.status == http.StatusSwitchingProtocols {
		return nil // Hijack may be called next
	}
	if w.err != nil {
		return w.err
	}
	if err := w.out.broken(); err != nil {
		return err
	}
	defer w.out.flush()
	err := w.flush()
	if err == nil {
		err = w.leavePart()
	}
	return w.breaks(err)
}

// ReadFrom sends a file as one, where the host takes it, and what is left or is none as
// its bytes.
func (w *response) ReadFrom(r io.Reader) (total int64, err error) {
	if total, err = w.sendFile(r); err != nil {
		return total, err
	}
	n, err := w.readFrom(r)
	return total + n, err
}

// readFrom reads into the frames themselves, once the buffer has been filled.
func (w *response) readFrom(r io.Reader) (total int64, err error) {
	space := mux.NewBuffer(lastBuffer)
	defer space.Free()
	for !w.streams() {
		n, err := r.Read(space.B[:lastBuffer])
		if n > 0 {
			written, werr := w.Write(space.B[:n])
			total += int64(written)
			if werr != nil {
				return total, werr
			}
		}
		if err != nil {
			return total, noEOF(err)
		}
	}
	if total > 0 { // the head had to wait for the beginning
		n, err := w.sendFile(r)
		if total += n; err != nil {
			return total, err
		}
	}
	for {
		f := mux.NewFrame(wire.KindChunk, wire.MaxChunk)
		n, err := r.Read(f.B[wire.ChunkRoom : wire.ChunkRoom+wire.MaxChunk])
		f.B = f.B[:wire.ChunkRoom+n]
		if werr := w.writeBuffer(f); werr != nil {
			return total, werr
		}
		total += int64(n)
		if err != nil {
			return total, noEOF(err)
		}
	}
}

func noEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// streams tells whether the response is past its first buffer.
func (w *response) streams() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.committed
}

// writeBuffer is Write for bytes that stand in a frame. It takes the frame over.
func (w *response) writeBuffer(f *mux.Buffer) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := f.Payload()
	err := w.beforeWrite(n)
	if err == nil && n > 0 {
		err = w.breaks(w.flush())
	}
	if err != nil || n == 0 || w.isHead {
		f.Free()
		return err
	}
	return w.breaks(w.sendChunk(f))
}

// SetReadDeadline bounds the reading of the request's body. It is reached
// through http.ResponseController, as the two that follow are.
func (w *response) SetReadDeadline(t time.Time) error { return w.out.setReadDeadline(t) }

// SetWriteDeadline bounds the waiting of Write and Flush for a slow client. What
// is to be sent after it is not, as under net/http, and the response is broken off.
func (w *response) SetWriteDeadline(t time.Time) error { return w.out.setWriteDeadline(t) }

// EnableFullDuplex has nothing to do: the body may always be read while the
// response is written.
func (w *response) EnableFullDuplex() error { return nil }

// CloseNotify implements http.CloseNotifier, which is deprecated and asked for all
// the same, by gin's Context.Stream for one. The channel has a value when the
// request's context ends.
func (w *response) CloseNotify() <-chan bool {
	w.closeOnce.Do(func() {
		closed := make(chan bool, 1)
		w.closeNotify = closed
		context.AfterFunc(w.req.Context(), func() { closed <- true })
	})
	return w.closeNotify
}
