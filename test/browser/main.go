// Browser serves what the tests in this folder ask for, behind a real Cowboy by both of gwport's mounts, in clear text
// (HTTP/1.1) and by TLS (HTTP/2, with extended CONNECT):
//
//	browser                     the handlers of this program, and some of the bundled apps
//	browser PROGRAM [ARGUMENT]  another port program, whose app chat has every path
//
// Its first line is a JSON object of the listeners' addresses: {"route": {"clear": "127.0.0.1:4711", "tls": ...},
// "stream": ..., "control": ...}; the last has the status page. From then on each line of its standard input is an Erlang expression, which it answers with a line: a JSON
// object with the value as text, or with an error. It ends with its standard input.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/gwport/gwport/apps"
	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/test/cowboy"
)

const (
	// With this argument the program is the port program.
	portArgument = "serve"

	startLimit  = 3 * time.Minute
	answerLimit = time.Minute
)

// What the README tells listeners.
const listener = `#{enable_connect_protocol => true, idle_timeout => infinity, max_stream_buffer_size => 262144,
	stream_window_data_threshold => 0, initial_stream_flow_size => 1048576}`

// mounts are those of the bundled apps that are asked for, and everything else.
const mounts = `[{"/events/[...]", #{app => <<"events">>}}, {"/upload/[...]", #{app => <<"upload">>}}, {'_', #{}}]`

// control has the status page twice: for whoever knows the password, with buttons, and for everybody, without.
const control = `[{"/gwport/[...]", gwport_status_page, #{auth => {basic, "ops", "t0psecret"}, control => true}},
	{"/looking/[...]", gwport_status_page, #{auth => none}}]`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == portArgument {
		server := &bridge.Server{Handler: newHandler(), Apps: bundled()}
		return server.Serve()
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("browser: %w", err)
	}
	options := cowboy.Options{Program: []string{self, portArgument}, Mounts: mounts, Listener: listener, Control: control}
	if len(args) > 0 {
		options.Program, options.Mounts = args, `[{'_', #{app => <<"chat">>}}]`
	}
	return serve(options)
}

func bundled() map[string]http.Handler {
	all := apps.Handlers()
	return map[string]http.Handler{"events": all["events"], "upload": all["upload"]}
}

func serve(options cowboy.Options) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	server, err := cowboy.Start(ctx, options)
	if err != nil {
		return err
	}
	defer server.Stop()
	addrs := make(map[cowboy.Mount]map[string]string)
	for _, mount := range []cowboy.Mount{cowboy.Route, cowboy.Stream, cowboy.Control} {
		addrs[mount] = map[string]string{"clear": server.Addr(mount, false), "tls": server.Addr(mount, true)}
	}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(addrs); err != nil {
		return fmt.Errorf("browser: %w", err)
	}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := out.Encode(evaluate(server, lines.Text())); err != nil {
			return fmt.Errorf("browser: %w", err)
		}
	}
	return lines.Err()
}

// An answer has one of the two.
type answer struct {
	Value string `json:"value"`
	Error string `json:"error,omitempty"`
}

func evaluate(server *cowboy.Server, expression string) answer {
	ctx, cancel := context.WithTimeout(context.Background(), answerLimit)
	defer cancel()
	value, err := server.Eval(ctx, expression)
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{Value: string(value)}
}
