// The reference server's handler as a port program.
package main

import (
	"log"

	"connectrpc.com/conformance/internal/app/referenceserver"

	"github.com/gwport/gwport/bridge"
)

// messageLimit is what the suite asks every server to have.
const messageLimit = 200 * 1024

func main() {
	handler, err := referenceserver.Handler(messageLimit)
	if err != nil {
		log.Fatal(err)
	}
	if err := bridge.Serve(handler); err != nil {
		log.Fatal(err)
	}
}
