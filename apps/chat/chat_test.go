package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// serve serves a folder's rooms by net/http, and gives the URL of /chat.
func serve(t *testing.T, folder string, l limits) string {
	t.Helper()
	server := httptest.NewServer(newChat(folder, l))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http") + "/chat"
}

func TestMembersHearEachOtherInOneOrder(t *testing.T) {
	url := serve(t, t.TempDir(), defaults)
	ann, bob := newClient(t, url+"/lobby", "ann", -1), newClient(t, url+"/lobby", "bob", -1)
	other := newClient(t, url+"/other", "eve", -1)
	for _, c := range []*client{ann, bob, other} {
		c.awaitLive(t)
	}
	ann.tell(t, "hello")
	bob.tell(t, "hello, Ann \u2028 <b>\n")
	other.tell(t, "nobody here")
	want := []string{"hello", "hello, Ann \u2028 <b>\n"}
	for _, c := range []*client{ann, bob} {
		c.await(t, "both", func() bool { return len(c.heard) == 2 })
		require.Equal(t, want, c.texts())
		first := c.first()
		require.Equal(t, "ann", first.Name)
		said, err := time.Parse(time.RFC3339, first.Time)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), said, time.Minute)
	}
	require.Equal(t, []string{"nobody here"}, other.texts())
}

// Programs that share the folder share the rooms.
func TestMembersOfTwoProgramsHearEachOther(t *testing.T) {
	folder := t.TempDir()
	ann := newClient(t, serve(t, folder, defaults)+"/lobby", "ann", -1)
	bob := newClient(t, serve(t, folder, defaults)+"/lobby", "bob", -1)
	ann.awaitLive(t)
	bob.awaitLive(t)
	for _, text := range []string{"1", "2", "3"} {
		ann.tell(t, text)
		bob.tell(t, text+" too")
	}
	want := []string{"1", "1 too", "2", "2 too", "3", "3 too"}
	for _, c := range []*client{ann, bob} {
		c.await(t, "all", func() bool { return len(c.heard) == len(want) })
		require.Equal(t, want, c.texts())
	}
}

func TestWhoComesBackIsToldTheRest(t *testing.T) {
	url := serve(t, t.TempDir(), defaults) + "/lobby"
	ann := newClient(t, url, "ann", -1)
	ann.awaitLive(t)
	ann.tell(t, "first")
	at := ann.place()
	for _, text := range []string{"second", "third"} {
		ann.tell(t, text)
	}
	for from, want := range map[int64][]string{
		0: {"first", "second", "third"}, at: {"second", "third"}, ann.place(): nil,
		at + 2:           {"third"},                    // what is left of a line is no message
		ann.place() + 99: {"first", "second", "third"}, // of another file
	} {
		bob := newClient(t, url, "bob", from)
		bob.awaitLive(t)
		require.Equal(t, want, bob.texts(), "from %d", from)
		require.Equal(t, ann.place(), bob.place())
	}
	for _, from := range []string{"", "-1", "x", "99999999999999999999"} {
		_, res, err := websocket.Dial(context.Background(), url+"?from="+from, nil)
		require.Error(t, err)
		require.Equal(t, http.StatusBadRequest, res.StatusCode, from)
	}
}

func TestWhoComesForTheFirstTimeHearsWhatIsRecent(t *testing.T) {
	folder := t.TempDir()
	r, err := openRoom(folder, "lobby", defaults)
	require.NoError(t, err)
	said := message{ID: "1", Name: "ann", Text: strings.Repeat("x", 1000), Time: "now"}
	for range 100 {
		require.NoError(t, r.say(said))
		said.ID += "1"
	}
	url := serve(t, folder, defaults) + "/lobby"
	bob := newClient(t, url, "bob", -1)
	bob.awaitLive(t)
	require.Greater(t, len(bob.texts()), 20)
	require.Less(t, len(bob.texts()), recent/1000)
	ann := newClient(t, url, "ann", 0) // who has read nothing is told all
	ann.awaitLive(t)
	require.Len(t, ann.texts(), 100)
}

func TestWhatIsRefusedIsSaid(t *testing.T) {
	// Room for two messages: this one is in the file with a line break before and behind it.
	line := `{"id":"ann-0","name":"ann","text":"12345","time":"2026-01-02T15:04:05Z"}`
	url := serve(t, t.TempDir(), limits{name: 3, text: 5, rooms: 1, room: 2 * int64(len(line)+2)})
	ann := newClient(t, url+"/lobby", "ann", -1)
	ann.awaitLive(t)
	refused := func(c *client, text string) string {
		id, why := c.say(text), ""
		c.await(t, "a refusal", func() bool { why = c.refused[id]; return why != "" })
		return why
	}
	ann.tell(t, "12345")
	require.Equal(t, "the text is longer than 5 bytes", refused(ann, "123456"))
	require.Equal(t, "the text is missing", refused(ann, ""))
	anna := newClient(t, url+"/lobby", "anna", -1)
	anna.awaitLive(t)
	require.Equal(t, "the name is longer than 3 bytes", refused(anna, "1"))
	ann.tell(t, "1234")
	require.Equal(t, "this room is full", refused(ann, "1"))
	require.Equal(t, []string{"12345", "1234"}, ann.texts())

	require.Equal(t, websocket.CloseError{Code: websocket.StatusTryAgainLater, Reason: "there are as many rooms as there may be"},
		turnedAway(t, url+"/another"))
}

// turnedAway is how a connection to a room that is not to be had is closed.
func turnedAway(t *testing.T, url string) (end websocket.CloseError) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, url, nil)
	require.NoError(t, err)
	defer conn.CloseNow()
	_, _, err = conn.Read(ctx)
	require.ErrorAs(t, err, &end)
	return end
}

// Where the folder is and what is wrong with it is in the log, and nothing for clients.
func TestARoomThatCannotBeOpenedSaysNothingOfTheFolder(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "lobby.jsonl"), 0o700))
	require.Equal(t, websocket.CloseError{Code: websocket.StatusTryAgainLater, Reason: "the room cannot be opened"},
		turnedAway(t, serve(t, folder, defaults)+"/lobby"))
}

// On a disk that has room for so many bytes of it and then for more, a message is refused and never heard, or not refused and heard.
func TestAFullDiskRefusesWhatIsNotHeard(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	t.Cleanup(func() { signal.Reset(syscall.SIGXFSZ) })
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before))
	most := func(size int) {
		limit := before
		set(&limit.Cur, size)
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	}
	t.Cleanup(func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before)) })
	line := "\n" + `{"id":"1","name":"ann","text":"first","time":"now"}` + "\n"
	for size := range len(line) + 1 {
		folder := t.TempDir()
		r, err := openRoom(folder, "lobby", defaults)
		require.NoError(t, err)
		most(size)
		err = r.say(message{ID: "1", Name: "ann", Text: "first", Time: "now"})
		most(1 << 20)
		require.NoError(t, r.say(message{ID: "2", Name: "ann", Text: "second", Time: "now"}))
		heard, _, readErr := r.read(0)
		require.NoError(t, readErr)
		require.Equal(t, err == nil, heard[0].ID == "1", "after %d bytes", size)
		require.Equal(t, size < len(line)-1, err != nil, "after %d bytes", size)
		require.Equal(t, "2", heard[len(heard)-1].ID)
		require.NoError(t, r.file.Close())
	}
}

func TestIdsAndFramesHaveTheirLimits(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, serve(t, t.TempDir(), defaults)+"/lobby", nil)
	require.NoError(t, err)
	defer conn.CloseNow()
	expect := func(want string) {
		t.Helper()
		_, data, err := conn.Read(ctx)
		require.NoError(t, err)
		require.Contains(t, string(data), want)
	}
	say := func(text string) { require.NoError(t, conn.Write(ctx, websocket.MessageText, []byte(text))) }
	expect(`{"live":true,"at":0}`)
	id := strings.Repeat("i", idSize)
	say(`{"id":"` + id + `","name":"ann","text":"hello"}`)
	expect(`{"id":"` + id + `",`)
	say(`{"id":"` + id + `i","name":"ann","text":"hello"}`)
	expect(`"refused":"the id is longer than 64 bytes"`)
	say(`{"name":"ann","text":"hello"}`)
	expect(`{"refused":"the id is missing"}`)
	for _, text := range []string{"hello", `["ann"]`, `{"id":1}`} {
		say(text)
		expect(`{"refused":"a message is a JSON object with the texts id, name and text"}`)
	}
	// The longest there is, in six bytes for each, is read. A longer one ends the connection.
	longest := func(more int) string {
		return `{"id":"last","name":"` + strings.Repeat(`\u0041`, defaults.name) + `","text":"` + strings.Repeat(`\u0041`, defaults.text+more) + `"}`
	}
	say(longest(0))
	expect(`{"id":"last","name":"AAA`)
	require.NoError(t, conn.Write(ctx, websocket.MessageText, []byte(longest(idSize*6))))
	_, _, err = conn.Read(ctx)
	require.Equal(t, websocket.StatusMessageTooBig, websocket.CloseStatus(err))
}

// Half a line, as a full disk leaves it, costs no message but its own; nor does a file with something else in it.
func TestARoomPassesOverWhatIsNoMessage(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "lobby.jsonl")
	require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("x", 2*piece)+"\n\n"+`{"id":"half`), 0o600))
	ann := newClient(t, serve(t, folder, defaults)+"/lobby", "ann", 0)
	ann.awaitLive(t)
	ann.tell(t, "hello")
	require.Equal(t, []string{"hello"}, ann.texts())
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, info.Size(), ann.place())
}

// set is for what has another type on another system.
func set[T int64 | uint64](to *T, n int) { *to = T(n) }

// A drain is a Shutdown of the handler's server.
func TestMembersHearThatTheProgramIsBeingReplaced(t *testing.T) {
	server := httptest.NewServer(newChat(t.TempDir(), defaults))
	defer server.Close()
	ann := newClient(t, "ws"+strings.TrimPrefix(server.URL, "http")+"/chat/lobby", "ann", -1)
	ann.awaitLive(t)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, server.Config.Shutdown(ctx))
	ann.await(t, "the end", func() bool { return len(ann.codes) > 0 })
	require.Equal(t, []websocket.StatusCode{websocket.StatusServiceRestart}, ann.endings())
}

// The other side's pages may not speak for who looks at them.
func TestAnotherSitesPageIsNotLetIn(t *testing.T) {
	folder := t.TempDir()
	url := serve(t, folder, defaults)
	options := &websocket.DialOptions{HTTPHeader: http.Header{"Origin": {"https://elsewhere.test"}}}
	_, res, err := websocket.Dial(context.Background(), url+"/lobby", options)
	require.Error(t, err)
	require.Equal(t, http.StatusForbidden, res.StatusCode)
	requireEmpty(t, folder)
}

func requireEmpty(t *testing.T, folder string) {
	t.Helper()
	there, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, there, "who is not let in, and who looks at a page, makes no room")
}

func TestThePage(t *testing.T) {
	folder := t.TempDir()
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		newChat(folder, defaults).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	for _, path := range []string{"/chat", "/chat/"} {
		require.Equal(t, "/chat/lobby", get(path).Header().Get("Location"))
	}
	for name, status := range map[string]int{
		"lobby": 200, "0-9": 200, strings.Repeat("r", 32): 200, strings.Repeat("r", 33): 404,
		"-x": 404, "Lobby": 404, "a.b": 404, "..%2fx": 404, "%2e%2e": 404, "a%00": 404,
	} {
		require.Equal(t, status, get("/chat/"+name).Code, name)
	}
	w := get("/chat/lobby")
	require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	require.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	for _, elsewhere := range []string{"http:", "https://", "//cdn", " src=", "@import", "url("} {
		require.NotContains(t, w.Body.String(), elsewhere)
	}
	// So it is for who offers another protocol.
	offered, offer := httptest.NewRecorder(), httptest.NewRequest("GET", "/chat/lobby", nil)
	offer.Header.Set("Upgrade", "h2c")
	newChat(folder, defaults).ServeHTTP(offered, offer)
	require.Equal(t, http.StatusOK, offered.Code)
	requireEmpty(t, folder)
}
