package main

import (
	"time"

	"golang.org/x/net/http2"

	"github.com/gwport/gwport/test/compare/cases"
)

// read notes what comes until the connection ends.
func (w *h2) read() {
	for {
		frame, err := w.framer.ReadFrame()
		if failed, ok := err.(http2.StreamError); ok {
			w.note(failed.StreamID, func(s *h2stream) { s.over("cut") }) // a block of fields that is none
			continue
		}
		w.mu.Lock()
		w.moved = time.Now()
		if err != nil {
			w.err = err
		}
		w.changed.Broadcast()
		w.mu.Unlock()
		if err != nil {
			return
		}
		w.take(frame)
	}
}

func (w *h2) note(id uint32, f func(*h2stream)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.streams[id]; s != nil && !s.isOver {
		f(s)
	}
	w.changed.Broadcast()
}

func (w *h2) take(frame http2.Frame) {
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		w.settings(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			w.writeMu.Lock()
			_ = w.framer.WritePing(true, f.Data)
			w.writeMu.Unlock()
		}
	case *http2.WindowUpdateFrame:
		w.mu.Lock()
		if f.StreamID == 0 {
			w.window += int(f.Increment)
		} else if s := w.streams[f.StreamID]; s != nil {
			s.window += int(f.Increment)
		}
		w.changed.Broadcast()
		w.mu.Unlock()
	case *http2.GoAwayFrame:
		w.mu.Lock()
		code := f.ErrCode
		w.goaway = &code
		for _, s := range w.streams {
			if s.id > f.LastStreamID && !s.isOver {
				s.over("cut")
			}
		}
		w.changed.Broadcast()
		w.mu.Unlock()
	case *http2.RSTStreamFrame:
		w.note(f.StreamID, func(s *h2stream) { s.over("reset") })
	case *http2.MetaHeadersFrame:
		w.note(f.StreamID, func(s *h2stream) { s.block(f) })
	case *http2.DataFrame:
		w.dataFrame(f)
	}
}

func (w *h2) settings(f *http2.SettingsFrame) {
	if f.IsAck() {
		return
	}
	w.mu.Lock()
	if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
		for _, s := range w.streams {
			s.window += int(v) - w.initial
		}
		w.initial = int(v)
	}
	if v, ok := f.Value(http2.SettingMaxFrameSize); ok {
		w.maxSize = int(v)
	}
	w.changed.Broadcast()
	w.mu.Unlock()
	w.writeMu.Lock()
	_ = w.framer.WriteSettingsAck()
	w.writeMu.Unlock()
}

func (w *h2) dataFrame(f *http2.DataFrame) {
	grant := 0
	w.note(f.StreamID, func(s *h2stream) {
		_, _ = s.a.body.Write(f.Data())
		if w.isHeld {
			s.owed += int(f.Length)
		} else {
			grant = int(f.Length)
		}
		if f.StreamEnded() {
			s.over("whole")
		}
	})
	w.grant(f.StreamID, grant)
}

func (s *h2stream) over(end string) {
	s.isOver, s.a.end = true, end
	if s.isHeadRead {
		s.a.framing = "frames"
	}
	if s.isHeadRead && end == "whole" {
		s.check()
	}
}

// block is a head, informational or final, or the trailers.
func (s *h2stream) block(f *http2.MetaHeadersFrame) {
	var fields []cases.Field
	for _, field := range f.RegularFields() {
		fields = append(fields, cases.Field{Name: field.Name, Value: field.Value})
	}
	status := f.PseudoValue("status")
	switch {
	case s.isHeadRead:
		s.a.trailers = fields
	case len(status) == 3 && status[0] == '1':
		s.a.informs = append(s.a.informs, headOf{status: status, fields: fields})
	default:
		s.a.head, s.isHeadRead = headOf{status: status, fields: fields}, true
	}
	if f.StreamEnded() {
		s.over("whole")
	}
}
