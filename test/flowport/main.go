// Flowport is the bundled program with the Server's limits taken from the environment, for tests: FLOWPORT_WINDOW and
// the like, see bridge.Server.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/gwport/gwport/apps"
	"github.com/gwport/gwport/bridge"
)

func main() {
	handlers := apps.Handlers()
	handlers["late"] = http.HandlerFunc(late)
	server := bridge.Server{
		Name:         "flowport",
		Apps:         handlers,
		Window:       setting("WINDOW"),
		MaxStreams:   setting("MAX_STREAMS"),
		MaxHead:      setting("MAX_HEAD"),
		MaxAbandoned: setting("MAX_ABANDONED"),
	}
	if err := server.Serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// late panics when its client has the head: right behind it, and the abort could overtake it.
func late(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, "some")
	_ = http.NewResponseController(w).Flush()
	time.Sleep(200 * time.Millisecond)
	panic("flowport: a panic after the head")
}

func setting(name string) int {
	n, _ := strconv.Atoi(os.Getenv("FLOWPORT_" + name))
	return n
}
