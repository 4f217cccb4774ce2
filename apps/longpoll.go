package apps

import (
	"context"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/gwport/gwport/bridge"
)

var longpollPage = newPage("longpoll", `
<p>Rung <output id="count">{{.Count}}</output> times. The page asks for the next time, and its request waits: it is answered when somebody
rings, or after 25 seconds.</p>
<form method="post"><p><button>Ring</button></p></form>
<pre>curl '{{.Here}}/next?s=60' &amp;
curl -X POST {{.Here}}</pre>
<script>
const count = document.getElementById("count");
document.querySelector("form").onsubmit = e => { e.preventDefault(); fetch({{.Mount}}, {method: "POST"}); };
(async () => {
  for (;;) {
    try {
      const res = await fetch({{.Mount}} + "/next?after=" + count.textContent);
      if (res.status === 200) { count.textContent = (await res.text()).trim(); continue; }
      if (res.status === 204) continue;
    } catch (e) {}
    await new Promise(resolve => setTimeout(resolve, 2000));
  }
})();
</script>
`)

// For so long a request waits, in seconds.
const (
	usualWait   = 25
	longestWait = 3600
)

// bell is what the requests of longpoll wait for.
type bell struct {
	mu    sync.Mutex
	count int64
	next  chan struct{} // closed when it rings
}

// newLongpoll makes the app: a request that waits until something happens, or for some time. It holds no goroutine.
func newLongpoll() bridge.App {
	b := &bell{next: make(chan struct{})}
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		mount, rest := place(env, "longpoll")
		switch method := env.Method(); {
		case rest == "/next" && method == "GET":
			return b.wait(ctx, env)
		case rest != "" && rest != "/":
			return bridge.Text(404, "404 page not found\n")
		case method == "POST":
			return rung(b.ring())
		case method != "GET" && method != "HEAD":
			return notAllowed("GET, HEAD, POST")
		}
		count, _ := b.heard()
		if !wantsPage(env) {
			return rung(count)
		}
		return pageOf(longpollPage, map[string]any{"Count": count, "Mount": mount, "Here": originOf(env) + mount})
	}
}

// rung says how often it has.
func rung(count int64) bridge.Response {
	return withHeader(bridge.Text(200, strconv.FormatInt(count, 10)+"\n"), "cache-control", "no-store")
}

func (b *bell) ring() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count++
	close(b.next)
	b.next = make(chan struct{})
	return b.count
}

func (b *bell) heard() (count int64, next <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count, b.next
}

// wait answers when it has rung more often than the client knows, or with 204 when its time is over.
func (b *bell) wait(ctx context.Context, env bridge.Environ) bridge.Result {
	count, next := b.heard()
	query, _ := url.ParseQuery(env.String("QUERY_STRING"))
	after, err := strconv.ParseInt(query.Get("after"), 10, 64)
	if err != nil {
		after = count // the next time
	}
	seconds := int64(usualWait)
	if s := query.Get("s"); s != "" {
		if seconds, err = strconv.ParseInt(s, 10, 64); err != nil || seconds < 0 || seconds > longestWait {
			return bridge.Text(400, "longpoll: s is from 0 to "+strconv.Itoa(longestWait)+" seconds\n")
		}
	}
	until := time.Now().Add(time.Duration(seconds) * time.Second)

	var notYet bridge.Result // with polled, it does not say when
	if !query.Has("polled") {
		notYet = bridge.Wait{}
		env.WakeOn(ctx, next)
		timer := time.AfterFunc(time.Until(until), env.Wake())
		context.AfterFunc(ctx, func() { timer.Stop() })
	}
	return bridge.Deferred(func() bridge.Result {
		count, _ := b.heard()
		switch {
		case count > after:
			return rung(count)
		case !time.Now().Before(until):
			return withHeader(bridge.Response{Status: 204}, "cache-control", "no-store")
		}
		return notYet
	})
}
