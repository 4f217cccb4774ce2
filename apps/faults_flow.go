package apps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// pause sleeps, and says why it did not sleep to the end.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *faults) sleep(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	d := seconds(p.num("s", 1))
	if p.bad(w) {
		return
	}
	this := f.runs.start(r, "sleep")
	ctx := r.Context()
	if p.Get("ignore") != "" {
		ctx = context.WithoutCancel(ctx)
	}
	err := pause(ctx, d)
	f.runs.end(r.Context(), this, err)
	plain(w, "slept\n")
}

func (f *faults) spin(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	d := seconds(p.num("s", 1))
	if p.bad(w) {
		return
	}
	this := f.runs.start(r, "spin")
	rounds := 0
	for end := time.Now().Add(d); time.Now().Before(end); {
		rounds++
	}
	f.runs.end(r.Context(), this, nil)
	plain(w, "%d rounds\n", rounds)
}

func (f *faults) neverRead(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	d := seconds(p.num("s", 0))
	if p.bad(w) {
		return
	}
	this := f.runs.start(r, "never-read")
	err := pause(r.Context(), d)
	f.runs.end(r.Context(), this, err)
	plain(w, "did not read\n")
}

func (f *faults) events(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	d := seconds(p.num("ms", 100) / 1000)
	if p.bad(w) {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	this := f.runs.start(r, "events")
	var err error
	for id := 0; err == nil; id++ {
		if err = f.chunk(w, this, fmt.Appendf(nil, "data: %d\n\n", id)); err == nil {
			err = pause(r.Context(), d)
		}
	}
	f.runs.end(r.Context(), this, err)
}

// chunk writes, flushes and counts.
func (f *faults) chunk(w http.ResponseWriter, this *run, b []byte) error {
	n, err := w.Write(b)
	f.runs.count(this, n, 0)
	if err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

func (f *faults) write(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	size, chunk := int64(p.num("bytes", 1<<20)), p.int("chunk", 64<<10)
	delay := seconds(p.num("delay_ms", 0) / 1000)
	if p.bad(w) {
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if p.Get("length") != "" {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	}
	this := f.runs.start(r, "write")
	err := f.writeAll(w, r, this, newLines(size), min(max(chunk, 1), 16<<20), delay)
	f.runs.end(r.Context(), this, err)
}

// writeAll looks at the context only between chunks that have a delay: without one, Write has to say that it is over.
func (f *faults) writeAll(w http.ResponseWriter, r *http.Request, this *run, from io.Reader, chunk int, delay time.Duration) error {
	buf := make([]byte, chunk)
	for {
		n, err := io.ReadFull(from, buf)
		if n == 0 {
			return nil
		}
		if werr := f.chunk(w, this, buf[:n]); werr != nil {
			return werr
		}
		if err != nil {
			return nil
		}
		if delay > 0 {
			if err := pause(r.Context(), delay); err != nil {
				return err
			}
		}
	}
}

func (f *faults) read(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	chunk, delay := p.int("chunk", 4096), seconds(p.num("delay_ms", 0)/1000)
	if p.bad(w) {
		return
	}
	this := f.runs.start(r, "read")
	n, err := f.readAll(r, this, min(max(chunk, 1), 16<<20), delay)
	f.runs.end(r.Context(), this, err)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]int{"bytes": n})
}

// readAll does not look at the context, so that a test sees what Read says after an abort.
func (f *faults) readAll(r *http.Request, this *run, chunk int, delay time.Duration) (total int, err error) {
	buf := make([]byte, chunk)
	for {
		n, err := r.Body.Read(buf)
		total += n
		f.runs.count(this, 0, n)
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		_ = pause(r.Context(), delay)
	}
}
