package apps

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/gwport/gwport/bridge"
)

var messagePage = newPage("message", `
<p>A request for a box waits until another one posts a message to it, and is answered then. What nobody waits for is not kept. Who asks for this page without
wanting HTML is told how many wait.</p>
<pre>curl {{.}}/breakfast &amp;
curl -d 'Tea is ready.' {{.}}/breakfast</pre>
`)

const (
	maxMessage = 64 << 10 // bytes
	maxBox     = 64       // bytes of its name
)

// boxes are where requests wait for messages. A box is there as long as one waits.
type boxes struct {
	mu      sync.Mutex
	waiting map[string]map[*receiver]bool
}

// receiver is a request that waits. The mutex of its boxes guards it.
type receiver struct {
	wake    func()
	message *bridge.Response // nil: none has come
}

// newMessage makes the app: a request that waits until another one brings the answer. It holds no goroutine.
func newMessage() bridge.App {
	return (&boxes{waiting: make(map[string]map[*receiver]bool)}).app()
}

func (b *boxes) app() bridge.App {
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		mount, rest := place(env, "message")
		box := strings.TrimPrefix(rest, "/")
		switch method := env.Method(); {
		case box == "" && method != "GET" && method != "HEAD":
			return notAllowed("GET, HEAD")
		case box == "" && wantsPage(env):
			return pageOf(messagePage, originOf(env)+mount)
		case box == "":
			return bridge.Text(200, strconv.Itoa(b.count())+"\n")
		case len(box) > maxBox || strings.Contains(box, "/"):
			return bridge.Text(404, "404 page not found\n")
		case method == "GET":
			return b.receive(ctx, env, box)
		case method == "POST":
			return b.post(env, box)
		}
		return notAllowed("GET, POST")
	}
}

func (b *boxes) receive(ctx context.Context, env bridge.Environ, box string) bridge.Result {
	r := &receiver{wake: env.Wake()}
	b.enter(box, r)
	context.AfterFunc(ctx, func() { b.leave(box, r) }) // also when it has been answered
	return bridge.Deferred(func() bridge.Result {
		b.mu.Lock()
		defer b.mu.Unlock()
		if r.message == nil {
			return bridge.Wait{}
		}
		return *r.message
	})
}

func (b *boxes) enter(box string, r *receiver) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting[box] == nil {
		b.waiting[box] = make(map[*receiver]bool)
	}
	b.waiting[box][r] = true
}

func (b *boxes) leave(box string, r *receiver) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.waiting[box], r)
	if len(b.waiting[box]) == 0 {
		delete(b.waiting, box)
	}
}

// count is how many requests wait.
func (b *boxes) count() (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, receivers := range b.waiting {
		n += len(receivers)
	}
	return n
}

// post gives a message to all who wait, and says how many these are.
func (b *boxes) post(env bridge.Environ, box string) bridge.Response {
	text, err := io.ReadAll(io.LimitReader(env.Input(), maxMessage+1))
	switch {
	case err != nil:
		return bridge.Text(400, "message: "+err.Error()+"\n")
	case len(text) > maxMessage:
		return bridge.Text(413, "message: more than "+strconv.Itoa(maxMessage)+" bytes\n")
	}
	n := b.give(box, string(text))
	if n == 0 {
		return bridge.Text(404, "nobody waits\n")
	}
	return bridge.Text(200, strconv.Itoa(n)+"\n")
}

func (b *boxes) give(box, text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	receivers := b.waiting[box]
	delete(b.waiting, box) // whoever comes now waits for the next one
	for r := range receivers {
		// Each has a body of its own, and nobody's text is a page.
		message := withHeader(bridge.Text(200, text), "cache-control", "no-store")
		message = withHeader(message, "x-content-type-options", "nosniff")
		r.message = &message
		r.wake()
	}
	return len(receivers)
}
