package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/coder/websocket"
)

const (
	// idSize is how long a message's id may be.
	idSize = 64
	// look is how often a member's room is looked at for what another program has appended.
	look = 200 * time.Millisecond
	// beat is how often a member of a silent room hears something: the route's idle_timeout is longer.
	beat = time.Minute
)

var errLeaving = errors.New("chat: the program is being replaced")

// Besides messages, a client hears where it is, and what is refused.
type (
	place struct {
		Live bool  `json:"live,omitempty"`
		At   int64 `json:"at"`
	}
	refusal struct {
		ID      string `json:"id,omitempty"`
		Refused string `json:"refused"`
	}
)

// member is one connection. It has no queue: it is told from the file, at its own pace.
type member struct {
	conn    *websocket.Conn
	room    *room
	limits  limits
	leaving <-chan struct{}
	at      int64 // how far it has been told
}

// stay returns when the connection is over, and both of its goroutines are.
func (m *member) stay(ctx context.Context) {
	// The longest message there is, each byte of its texts written as \u00xx.
	m.conn.SetReadLimit(int64(6*(m.limits.text+m.limits.name+idSize) + 100))
	ctx, cancel := context.WithCancelCause(ctx)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		cancel(m.hear(ctx))
	}()
	err := m.tell(ctx)
	if errors.Is(err, errLeaving) {
		// What still comes meanwhile is appended, but not told here: the client hears it when it is back.
		_ = m.conn.Close(websocket.StatusServiceRestart, "the program is being replaced")
	}
	_ = m.conn.CloseNow()
	<-heard
	slog.InfoContext(ctx, "chat: a member has left", "at", m.at, "error", err)
}

// hear takes in what the client says until it says nothing more.
func (m *member) hear(ctx context.Context) error {
	for {
		_, data, err := m.conn.Read(ctx)
		if err != nil {
			return err
		}
		id, err := m.take(data)
		if err == nil {
			continue
		}
		if err := m.send(ctx, refusal{id, err.Error()}); err != nil {
			return err
		}
	}
}

// take appends a message. The error is for the client to read.
func (m *member) take(data []byte) (id string, err error) {
	var said message
	if err := json.Unmarshal(data, &said); err != nil {
		return "", errors.New("a message is a JSON object with the texts id, name and text")
	}
	for _, f := range []struct {
		name, value string
		most        int
	}{{"id", said.ID, idSize}, {"name", said.Name, m.limits.name}, {"text", said.Text, m.limits.text}} {
		if f.value == "" {
			return said.ID, fmt.Errorf("the %s is missing", f.name)
		}
		if len(f.value) > f.most {
			return said.ID, fmt.Errorf("the %s is longer than %d bytes", f.name, f.most)
		}
	}
	said.Time, said.At = time.Now().UTC().Format(time.RFC3339), 0
	err = m.room.say(said)
	if err != nil && !errors.Is(err, errFull) {
		slog.Error("chat: a message is lost", "error", err) // which is nothing for the client to read
		err = errors.New("the room cannot be written to")
	}
	return said.ID, err
}

// tell tells the client what is in the file, and goes on with what gets there.
func (m *member) tell(ctx context.Context) error {
	looks, beats := time.NewTicker(look), time.NewTicker(beat)
	defer looks.Stop()
	defer beats.Stop()
	for live := false; ; {
		news := m.room.news() // before the file is read, lest something is said in between
		more, err := m.tellMore(ctx)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		if !live {
			live = true
			if err := m.send(ctx, place{Live: true, At: m.at}); err != nil {
				return err
			}
		}
		select {
		case <-news:
		case <-looks.C:
		case <-beats.C:
			err = m.send(ctx, place{At: m.at})
		case <-m.leaving:
			err = errLeaving
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// tellMore tells a piece of the file, and whether there was one.
func (m *member) tellMore(ctx context.Context) (bool, error) {
	before := m.at
	messages, at, err := m.room.read(before)
	if err != nil {
		return false, err
	}
	for _, message := range messages {
		if err := m.send(ctx, message); err != nil {
			return false, err
		}
		m.at = message.At
	}
	m.at = at
	return at != before, nil
}

func (m *member) send(ctx context.Context, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	return m.conn.Write(ctx, websocket.MessageText, data)
}
