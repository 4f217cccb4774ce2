// Environport answers with the environ of its request, for tests: its App with the one that it is given, its handler
// with the one that bridge.EnvironOf makes of the http.Request. A line is a key, the kind of its value and the value,
// key and value in hexadecimal digits; test/pyport/environ_app.py has the same lines.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/gwport/gwport/bridge"
)

func main() {
	err := bridge.ServeApps(map[string]http.Handler{
		"app": bridge.App(func(_ context.Context, env bridge.Environ) bridge.Result {
			return bridge.Text(200, lines(env))
		}),
		"handler": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, lines(bridge.EnvironOf(r)))
		}),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func lines(env bridge.Environ) string {
	var text strings.Builder
	for key, value := range env {
		kind, shown := kindOf(value)
		fmt.Fprintf(&text, "%x %s %x\n", key, kind, shown)
	}
	return text.String()
}

func kindOf(value any) (kind, shown string) {
	switch v := value.(type) {
	case string:
		return "text", v
	case bool:
		return "flag", fmt.Sprint(v)
	case [2]int:
		return "pair", fmt.Sprintf("%d.%d", v[0], v[1])
	}
	return "object", ""
}
