package bridgetest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

// A test of yours has a t from go test; an example has none, and this stands for it.
type exampleT struct {
	testing.TB
	cleanups []func()
}

func (*exampleT) Helper()                   {}
func (t *exampleT) Cleanup(f func())        { t.cleanups = append(t.cleanups, f) }
func (*exampleT) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (*exampleT) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }
func (*exampleT) Errorf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

func (t *exampleT) ends() {
	for _, f := range t.cleanups {
		f()
	}
}

var mux = func() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /shop/{item}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "one %s, coming up", r.PathValue("item"))
	})
	mux.HandleFunc("POST /shop", func(w http.ResponseWriter, r *http.Request) {
		order, _ := io.ReadAll(r.Body)
		w.Header().Set("Location", "/shop/orders/7")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, "%d letters", len(order))
	})
	return mux
}()

// One request, and the whole response to it.
func Example() {
	t := new(exampleT) // of func TestTea(t *testing.T)
	defer t.ends()
	host := bridgetest.New(t, &bridge.Server{Handler: mux})
	res := host.Do(bridgetest.Request{Path: "/shop/tea"})
	fmt.Println(res.Status, string(res.Body))
	// Output: 200 one tea, coming up
}

// A request may have whatever a client of Cowboy's can send.
func ExampleHost_Do() {
	t := new(exampleT) // of func TestOrder(t *testing.T)
	defer t.ends()
	host := bridgetest.New(t, &bridge.Server{Handler: mux})
	res := host.Do(bridgetest.Request{
		Method:  "POST",
		Path:    "/shop",
		Headers: []bridge.Header{{Name: "content-type", Value: "text/plain"}},
		Body:    []byte(strings.Repeat("tea", 1000)),
		TLS:     true,
		Peer:    "192.0.2.7",
	})
	fmt.Println(res.Status, res.Header("Location"), string(res.Body))
	// Output: 201 /shop/orders/7 3000 letters
}

// What a handler does when its client leaves in the middle of a response.
func ExampleHost_Open() {
	t := new(exampleT) // of func TestClientLeaves(t *testing.T)
	defer t.ends()
	why := make(chan error, 1)
	host := bridgetest.New(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "one ")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		why <- context.Cause(r.Context())
	})})
	stream := host.Open(bridgetest.Request{})
	stream.Expect(bridgetest.Head)
	fmt.Printf("%q\n", stream.Expect(bridgetest.Chunk).Payload)
	stream.Abort(bridge.CodeCancelled, "")
	fmt.Println(<-why)
	// Output:
	// "one "
	// bridge: stream aborted: cancelled
}

// A slow client: the handler's Write waits when the client has not taken what came before.
func ExampleStream_Grant() {
	t := new(exampleT) // of func TestSlowClient(t *testing.T)
	defer t.ends()
	host := bridgetest.New(t, &bridge.Server{Handler: mux})
	stream := host.Open(bridgetest.Request{Path: "/shop/tea", Window: 4})
	fmt.Println(stream.Expect(bridgetest.Head).Status())
	fmt.Printf("%q\n", stream.Expect(bridgetest.Chunk).Payload)
	stream.Grant(100)
	fmt.Printf("%q\n", stream.Expect(bridgetest.Chunk).Payload)
	// Output:
	// 200
	// "one "
	// "tea, coming up"
}

// A host that runs for development, where bridge.Dev is true.
func ExampleNewWith() {
	t := new(exampleT) // of func TestDevelopment(t *testing.T)
	defer t.ends()
	host := bridgetest.NewWith(t, &bridge.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, bridge.Dev(r.Context()))
	})}, bridgetest.Config{Dev: true})
	fmt.Println(string(host.Do(bridgetest.Request{}).Body))
	// Output: true
}

// A program that is told to drain finishes what it has begun, and Serve returns nil.
func ExampleHost_Drain() {
	t := new(exampleT) // of func TestDrain(t *testing.T)
	defer t.ends()
	host := bridgetest.New(t, &bridge.Server{Handler: mux})
	host.Drain()
	fmt.Println(host.Wait())
	// Output: <nil>
}
