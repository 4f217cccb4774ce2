// What the suite takes for a server that it starts: it names the one that runs.
// answer CLEAR-PORT TLS-PORT CERTIFICATE-FILE
package main

import (
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"connectrpc.com/conformance/internal"
	conformancev1 "connectrpc.com/conformance/internal/gen/proto/go/connectrpc/conformance/v1"
)

const messageLimit = 200 * 1024

func main() {
	if err := answer(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}

func answer(clear, secure, certificate string) error {
	codec := internal.NewCodec(false)
	request := new(conformancev1.ServerCompatRequest)
	if err := codec.NewDecoder(os.Stdin).DecodeNext(request); err != nil {
		return err
	}
	if request.MessageReceiveLimit != messageLimit {
		return fmt.Errorf("asked for a limit of %d bytes, have one of %d", request.MessageReceiveLimit, messageLimit)
	}
	response := &conformancev1.ServerCompatResponse{Host: "127.0.0.1"}
	port := clear
	if request.UseTls {
		port = secure
		cert, err := os.ReadFile(certificate)
		if err != nil {
			return err
		}
		response.PemCert = cert
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	response.Port = uint32(number)
	return codec.NewEncoder(os.Stdout).Encode(response)
}
