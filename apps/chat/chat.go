package main

import (
	_ "embed"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/coder/websocket"
)

//go:embed page.html
var page []byte

// roomName is what a room may be called: it is the name of a file as well.
var roomName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

var errRooms = errors.New("there are as many rooms as there may be")

// limits are what one who means no good can take. All are bytes but for rooms.
type limits struct {
	name, text int   // of a message; its id has at most idSize
	rooms      int   // files in the folder. Programs that make one at the same time may go beyond it by one each
	room       int64 // of a room's file: one that is full takes nothing more. Here too programs may go beyond it, by a message each
}

var defaults = limits{name: 60, text: 2000, rooms: 100, room: 1 << 20}

// chat serves /chat, a page for each room, and its WebSocket at the same path.
type chat struct {
	http.Handler
	folder string
	limits limits

	mu    sync.Mutex
	rooms map[string]*room

	once    sync.Once
	leaving chan struct{} // closed when this program is being replaced, or stopped
}

func newChat(folder string, l limits) *chat {
	c := &chat{folder: folder, limits: l, rooms: make(map[string]*room), leaving: make(chan struct{})}
	mux := http.NewServeMux()
	mux.Handle("GET /chat", http.RedirectHandler("/chat/lobby", http.StatusSeeOther))
	mux.Handle("GET /chat/{$}", http.RedirectHandler("/chat/lobby", http.StatusSeeOther))
	mux.HandleFunc("GET /chat/{room}", c.serve)
	c.Handler = mux
	return c
}

func (c *chat) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("room")
	if !roomName.MatchString(name) {
		http.Error(w, "chat: a room's name is 1 to 32 of a-z, 0-9 and -, and does not begin with -", http.StatusNotFound)
		return
	}
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		c.join(w, r, name)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	// The page is whole, and says so: nothing of it comes from elsewhere.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:")
	_, _ = w.Write(page)
}

// join has a client be a member of a room until either leaves.
func (c *chat) join(w http.ResponseWriter, r *http.Request, name string) {
	c.once.Do(func() { c.heedShutdown(r) })
	from, err := fromOf(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	conn, err := websocket.Accept(w, r, nil) // which looks at the Origin
	if err != nil {
		return // it has answered
	}
	room, err := c.room(name) // not before: who is not let in makes none
	if err != nil {
		_ = conn.Close(websocket.StatusTryAgainLater, reason(err))
		return
	}
	m := &member{conn: conn, room: room, limits: c.limits, leaving: c.leaving, at: room.start(from)}
	m.stay(r.Context())
}

// reason is why there is no room, for the client to read.
func reason(err error) string {
	if errors.Is(err, errRooms) {
		return err.Error()
	}
	slog.Error("chat: a room is not to be had", "error", err)
	return "the room cannot be opened"
}

// heedShutdown has members hear that the program drains, as under net/http.
func (c *chat) heedShutdown(r *http.Request) {
	if srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok {
		srv.RegisterOnShutdown(func() { close(c.leaving) })
	}
}

// fromOf is how far a client has read, -1 if it does not say.
func fromOf(r *http.Request) (int64, error) {
	query := r.URL.Query()
	if !query.Has("from") {
		return -1, nil
	}
	from, err := strconv.ParseInt(query.Get("from"), 10, 64)
	if err != nil || from < 0 {
		return 0, errors.New("chat: from is the number that the last message had as at")
	}
	return from, nil
}

// room opens a room, and makes it if it is not there.
func (c *chat) room(name string) (*room, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.rooms[name]; r != nil {
		return r, nil
	}
	r, err := openRoom(c.folder, name, c.limits)
	if err == nil {
		c.rooms[name] = r
	}
	return r, err
}
