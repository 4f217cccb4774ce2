package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// patience is what a test waits for anything.
const patience = 30 * time.Second

// client does a client's part, as the comment of this package says it and the page does it: it keeps what has not been
// acknowledged, comes back when its connection has ended, and says it again when it is live.
type client struct {
	url  string
	name string

	mu      sync.Mutex
	changed chan struct{} // closed when anything below has changed
	at      int64         // -1 before the first message
	live    bool
	conn    *websocket.Conn
	heard   []message // each id once
	waiting []message // said, and not acknowledged
	refused map[string]string
	codes   []websocket.StatusCode // by which connections have ended
	dialed  error                  // why the last connection that failed did
}

// newClient comes to a room, and is there for the rest of the test. From is -1 for who has not been there before.
func newClient(t *testing.T, url, name string, from int64) *client {
	c := &client{url: url, name: name, at: from, changed: make(chan struct{}), refused: make(map[string]string)}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		for ctx.Err() == nil {
			c.connect(ctx)
			select {
			case <-time.After(10 * time.Millisecond): // of a client that comes back
			case <-ctx.Done():
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-over })
	return c
}

// connect is one connection, from its beginning to its end.
func (c *client) connect(ctx context.Context) {
	url := c.url
	if c.at >= 0 {
		url += "?from=" + strconv.FormatInt(c.at, 10)
	}
	conn, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		c.change(func() { c.dialed = err })
		return
	}
	defer conn.CloseNow()
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			c.change(func() { c.live, c.codes = false, append(c.codes, websocket.CloseStatus(err)) })
			return
		}
		c.change(func() { c.take(ctx, conn, data) })
	}
}

func (c *client) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *client) take(ctx context.Context, conn *websocket.Conn, data []byte) {
	var m struct {
		ID, Name, Text, Time, Refused string
		Live                          bool
		At                            int64
	}
	if err := json.Unmarshal(data, &m); err != nil {
		panic(fmt.Sprintf("%s: %v", data, err))
	}
	if m.Refused != "" {
		c.refused[m.ID] = m.Refused
		c.forget(m.ID)
		return
	}
	c.at = m.At
	if m.ID != "" && !c.hasHeard(m.ID) {
		c.heard = append(c.heard, message{m.ID, m.Name, m.Text, m.Time, m.At})
		c.forget(m.ID)
	}
	if m.Live {
		c.live, c.conn = true, conn
		for _, w := range c.waiting {
			c.write(ctx, w)
		}
	}
}

func (c *client) forget(id string) {
	c.waiting = slices.DeleteFunc(c.waiting, func(w message) bool { return w.ID == id })
}

// write may fail: then the message is said again when the client is back.
func (c *client) write(ctx context.Context, m message) {
	data, _ := json.Marshal(map[string]string{"id": m.ID, "name": m.Name, "text": m.Text})
	_ = c.conn.Write(ctx, websocket.MessageText, data)
}

// say says something, and gives its id without waiting for anything.
func (c *client) say(text string) (id string) {
	c.change(func() {
		id = fmt.Sprintf("%s-%d", c.name, len(c.heard)+len(c.waiting)+len(c.refused))
		m := message{ID: id, Name: c.name, Text: text}
		c.waiting = append(c.waiting, m)
		if c.live {
			c.write(context.Background(), m)
		}
	})
	return id
}

// until waits until the client is in a state, and tells whether it came there in time.
func (c *client) until(is func() bool) bool {
	late := time.After(patience)
	for {
		c.mu.Lock()
		there, changed := is(), c.changed
		c.mu.Unlock()
		if there {
			return true
		}
		select {
		case <-changed:
		case <-late:
			return false
		}
	}
}

func (c *client) await(t *testing.T, what string, is func() bool) {
	t.Helper()
	if !c.until(is) {
		c.mu.Lock()
		defer c.mu.Unlock()
		require.FailNow(t, c.name+" waits for "+what, "heard %d, waiting %v, refused %v, codes %v, live %t, %v",
			len(c.heard), c.waiting, c.refused, c.codes, c.live, c.dialed)
	}
}

func (c *client) awaitLive(t *testing.T) {
	t.Helper()
	c.await(t, "being live", func() bool { return c.live })
}

// tell says something and waits until it is acknowledged.
func (c *client) tell(t *testing.T, text string) {
	t.Helper()
	id := c.say(text)
	c.await(t, "an acknowledgement of "+text, func() bool { return c.hasHeard(id) })
}

func (c *client) hasHeard(id string) bool {
	return slices.ContainsFunc(c.heard, func(h message) bool { return h.ID == id })
}

func (c *client) texts() (texts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.heard {
		texts = append(texts, m.Text)
	}
	return texts
}

func (c *client) first() message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard[0]
}

// place is how far the client has heard.
func (c *client) place() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// endings are the codes by which the client's connections have ended.
func (c *client) endings() []websocket.StatusCode {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.codes)
}
