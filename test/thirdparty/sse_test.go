package thirdparty

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/r3labs/sse/v2"
	"github.com/stretchr/testify/require"
)

func init() { apps["sse"] = newEvents }

func newEvents(string) http.Handler {
	server := sse.New()
	server.AutoReplay = true
	server.Headers = map[string]string{"X-Extra": "yes"}
	left := make(chan string, 8)
	server.OnUnsubscribe = func(id string, _ *sse.Subscriber) { left <- id }
	server.CreateStream("news")
	mux := http.NewServeMux()
	mux.Handle("/events", server)
	mux.HandleFunc("/publish", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		server.Publish("news", &sse.Event{Event: []byte(q.Get("event")), Data: []byte(q.Get("data"))})
		fmt.Fprintln(w, "published")
	})
	mux.HandleFunc("/left", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case id := <-left:
			fmt.Fprintln(w, "left:", id)
		case <-time.After(giveUp):
			fmt.Fprintln(w, "nobody left")
		}
	})
	return mux
}

// The package's own client reads what its server publishes, each event before the next is published; what it missed
// comes by Last-Event-ID; the server learns that it has left.
func TestEvents(t *testing.T) {
	compare(t, "sse", func(c *client) {
		c.get(500, "/events")
		c.get(500, "/events?stream=none")
		events := make(chan *sse.Event)
		subscriber := sse.NewClient(c.url("/events"))
		subscriber.Connection = c.Client
		ctx, cancel := context.WithCancel(c.t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- subscriber.SubscribeWithContext(ctx, "news", func(e *sse.Event) {
				select {
				case events <- e:
				case <-ctx.Done():
				}
			})
		}()
		for i := range 5 {
			c.get(200, fmt.Sprintf("/publish?event=tick&data=line%d%%0Amore", i))
			c.note("event", next(c, events))
		}
		cancel()
		<-ended
		c.get(200, "/left")
		c.note("replayed", replayed(c))
	})
}

func next(c *client, events chan *sse.Event) string {
	c.t.Helper()
	select {
	case e := <-events:
		return fmt.Sprintf("%s %s %q", e.ID, e.Event, e.Data)
	case <-time.After(requestLimit):
		require.Fail(c.t, "no event came")
		return ""
	}
}

// replayed are the head and the events that come to a client that has seen the third.
func replayed(c *client) string {
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", c.url("/events?stream=news"), nil)
	require.NoError(c.t, err)
	req.Header.Set("Last-Event-Id", "3")
	response, err := c.Do(req)
	require.NoError(c.t, err)
	defer response.Body.Close()
	reader := sse.NewEventStreamReader(response.Body, 1<<16)
	text := fmt.Sprintln(response.StatusCode, flat(response.Header))
	for range 2 {
		event, err := reader.ReadEvent()
		require.NoError(c.t, err)
		text += string(event) + "\n"
	}
	return text
}
