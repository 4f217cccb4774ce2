// Chat is a port program of its own: rooms whose members see each other's messages, by WebSocket, on a page or with any
// other client. `chat FOLDER` keeps the rooms in that folder, a file for each, which has to be there.
//
// A room is its file, to which every program of the pool appends, and out of which every program tells its members what
// is new. So a reload, a pool of several programs, and a program that has been killed are all one case: a client comes
// back, to whichever program, says how far it has read, and is told the rest.
//
// # What a client says and hears
//
// It opens a WebSocket at /chat/ROOM, with ?from=AT where it has been there before: without it, it is told the last
// 32 KiB of what was said. Every message on the WebSocket is a JSON object. The client's:
//
//	{"id": "5f0c...", "name": "Ann", "text": "hello"}
//
// and the program's:
//
//	{"id": ..., "name": ..., "text": ..., "time": ..., "at": 1234}   somebody has said this, perhaps the client itself
//	{"live": true, "at": 1234}                                       that was all until now; what follows is new
//	{"id": ..., "refused": "the text is longer than 2000 bytes"}     nobody will hear this one
//	{"at": 1234}                                                     nothing new, once a minute
//
// A message is acknowledged when its sender has heard it. By then it is in the file, and so is not lost with the
// program, however that ends, by a signal or in a reload; whoever comes back with ?from= hears it. It is lost with the
// file, and with a machine that stops before it has written the file to its disk, which nobody waits for.
//
// What has not been acknowledged when a connection ends may be in the file or not. So a client keeps it, comes back,
// and says it again with the same id when it is `live` and has not heard it by then. A message may for that reason be
// in the file twice: of two with one id the second one is to be passed over, as the page does.
//
// A program that is being replaced closes its connections with the code 1012, and one that cannot open a room, since there
// are as many as there may be or the disk is full, with 1013. The reason is for people to read.
package main

import (
	"fmt"
	"net/http"
	"os"

	"github.com/gwport/gwport/bridge"
)

func main() { os.Exit(run(os.Args[1:])) }

// run gives the exit code: 2 for a mistake in the arguments, 1 if serving failed, 0 after a clean drain.
func run(args []string) int {
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "chat: expected one argument, the folder of the rooms")
		return 2
	}
	if info, err := os.Stat(args[0]); err != nil || !info.IsDir() {
		fmt.Fprintf(os.Stderr, "chat: %s is not a folder; expected one that is there, for the rooms\n", args[0])
		return 2
	}
	srv := bridge.Server{Name: "chat", Handler: http.HandlerFunc(summary), Apps: map[string]http.Handler{"chat": newChat(args[0], defaults)}}
	if err := srv.Serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// summary is what the bundled program has at "/" too: for each app its name, a tab, and a sentence.
func summary(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprint(w, "chat\tRooms, by WebSocket: what was said outlives the program, and members come back to the next one.\n")
}
