// Package apps holds the Go apps that come with gwport: each shows one thing that a handler can do behind Cowboy, and
// each is a plain http.Handler (gateway, longpoll, message and triple by way of bridge.App) that works under net/http just as well.
//
// An app is mounted at /NAME and sees the full path, as under net/http. To serve one at another place, say so in the
// Cowboy route: the environ's SCRIPT_NAME tells the app where it is.
//
// A chat, by WebSocket, is beside them in apps/chat, as a program and a Go module of its own: who uses gwport gets nothing
// of the library that it needs.
package apps

import (
	"net/http"
	"os"
	"slices"
)

// App is one entry of the registry.
type App struct {
	Name    string // what a route asks for, and the first segment of the app's path
	Summary string // a sentence
	Handler http.Handler
}

// registry is in the order of the names.
var registry = []App{
	{"echo", "Sends the request's body back while it arrives.", http.HandlerFunc(echo)},
	{"environ", "Shows the environ and the http.Request that the bridge made of a request.", http.HandlerFunc(environ)},
	{"events", "A clock: one server-sent event a second for as long as the client stays.", http.HandlerFunc(events)},
	{"faults", "What goes wrong, on request; only served with GWPORT_FAULTS=1.", newFaults()},
	{"files", "Static files with ranges, and generated downloads of any size up to 16 GiB.", http.HandlerFunc(files)},
	{"gateway", "The gateway shape: environ in, {Status, Headers, Body} out, behind four middlewares.", newGateway()},
	{"hello", "Hello from Go; ?name= says to whom.", http.HandlerFunc(hello)},
	{"longpoll", "A request waits until something happens, or for some time, without a goroutine.", newLongpoll()},
	{"message", "A request waits until another one posts a message, and is answered with it.", newMessage()},
	{"triple", "Answers with erlang_go's values: a tuple of status, headers and iodata.", triple},
	{"upload", "Takes an upload of any size in constant memory and answers with its SHA-256.", http.HandlerFunc(upload)},
}

// All lists the apps that are to be served, by name. The faults, which anybody could end the program with, are among
// them only if the environment variable GWPORT_FAULTS is 1.
func All() []App {
	all := slices.Clone(registry)
	if os.Getenv("GWPORT_FAULTS") == "1" {
		return all
	}
	return slices.DeleteFunc(all, func(a App) bool { return a.Name == "faults" })
}

// Handlers is All as bridge.ServeApps takes it, and the check app beside it.
func Handlers() map[string]http.Handler {
	handlers := map[string]http.Handler{CheckName: newCheck()}
	for _, a := range All() {
		handlers[a.Name] = a.Handler
	}
	return handlers
}
