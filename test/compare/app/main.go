// The program that is compared: one set of handlers, served by net/http itself or, as a port program, by Cowboy through
// gwport.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/gwport/gwport/bridge"
)

func main() {
	mode := flag.String("mode", "port", "http: serve by net/http and print the ports; port: be a port program")
	socket := flag.String("socket", "", "the collector's unix socket")
	cert := flag.String("cert", "", "the certificate's file, for http")
	key := flag.String("key", "", "the key's file, for http")
	flag.Parse()
	h := handler{socket: *socket}
	if *mode == "http" {
		if err := serveHTTP(h, *cert, *key); err != nil {
			log.Fatal(err)
		}
		return
	}
	// The second app is the same handlers behind the gateway's shape and back.
	server := bridge.Server{Handler: h, Apps: map[string]http.Handler{"appof": bridge.AppOf(h)}}
	if err := server.Serve(); err != nil {
		log.Fatal(err)
	}
}

// serveHTTP prints the two ports, and ends when standard input does.
func serveHTTP(h http.Handler, cert, key string) error {
	clear, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	secret, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var plain, secure http.Protocols
	plain.SetHTTP1(true)
	plain.SetUnencryptedHTTP2(true)
	secure.SetHTTP1(true)
	secure.SetHTTP2(true)
	quiet := log.New(io.Discard, "", 0) // panics are wanted here
	go func() {
		server := http.Server{Handler: h, Protocols: &plain, ErrorLog: quiet}
		log.Fatal(server.Serve(clear))
	}()
	go func() {
		server := http.Server{
			Handler: h, Protocols: &secure, ErrorLog: quiet,
			TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12},
		}
		log.Fatal(server.ServeTLS(secret, cert, key))
	}()
	fmt.Printf("COMPARE listen:clear:%d\n", clear.Addr().(*net.TCPAddr).Port)
	fmt.Printf("COMPARE listen:tls:%d\n", secret.Addr().(*net.TCPAddr).Port)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}
