package referenceserver

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"connectrpc.com/conformance/internal"
	conformancev1 "connectrpc.com/conformance/internal/gen/proto/go/connectrpc/conformance/v1"
)

// Handler is the reference server's handler, out of a server of its own that never serves.
func Handler(messageLimit uint32) (http.Handler, error) {
	request := &conformancev1.ServerCompatRequest{
		HttpVersion:         conformancev1.HTTPVersion_HTTP_VERSION_1,
		MessageReceiveLimit: messageLimit,
	}
	server, _, err := createServer(context.Background(), request, "127.0.0.1:0", "", "", false, internal.NewPrinter(os.Stderr), nil)
	if err != nil {
		return nil, err
	}
	standard, ok := server.(*stdHTTPServer)
	if !ok {
		return nil, fmt.Errorf("the reference server is a %T", server)
	}
	if err := standard.lis.Close(); err != nil {
		return nil, err
	}
	return standard.svr.Handler, nil
}
