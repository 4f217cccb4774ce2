package apps

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/gwport/gwport/bridge"
)

var eventsPage = newPage("events", `
<p>The time on the server, an event each second: <output id="time">not connected</output></p>
<p>Close this page, and the program's log says that the client has left.</p>
<pre>curl -N {{.Origin}}{{.Mount}}/stream</pre>
<script>
const time = document.getElementById("time");
const source = new EventSource({{.Mount}} + "/stream");
source.onmessage = e => { time.textContent = e.data + " (event " + e.lastEventId + ")"; };
source.onerror = () => { time.textContent = "connection lost, trying again"; };
</script>
`)

// events shows browsers a page that listens; anybody else, and the page's own script, gets the stream.
func events(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, "GET", "HEAD") {
		return
	}
	mount, rest := place(bridge.EnvironOf(r), "events")
	root := rest == "" || rest == "/"
	switch {
	case rest == "/stream", root && !wantsHTML(r):
		clock(w, r)
	case root:
		eventsPage.serve(w, map[string]string{"Mount": mount, "Origin": origin(r)})
	default:
		http.NotFound(w, r)
	}
}

// clock ends only when the context does: the client has left, or the program drains past its limit, or the port closes.
func clock(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	if r.Method == "HEAD" {
		return
	}
	ctx := r.Context()
	// A client that comes back says which event it had last.
	first, _ := strconv.ParseInt(r.Header.Get("Last-Event-Id"), 10, 64)
	sent, err := tick(ctx, w, first)
	slog.InfoContext(ctx, "events: the stream has ended", "sent", sent, "cause", context.Cause(ctx), "error", err)
}

func tick(ctx context.Context, w http.ResponseWriter, id int64) (sent int, err error) {
	rc := http.NewResponseController(w)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	if _, err = fmt.Fprint(w, "retry: 2000\n\n"); err != nil {
		return sent, err
	}
	for now := time.Now(); ; sent++ {
		id++
		if _, err = fmt.Fprintf(w, "id: %d\ndata: %s\n\n", id, now.Format(time.RFC3339)); err != nil {
			return sent, err
		}
		if err = rc.Flush(); err != nil {
			return sent, err
		}
		select {
		case <-ctx.Done():
			return sent + 1, nil
		case now = <-ticker.C:
		}
	}
}
