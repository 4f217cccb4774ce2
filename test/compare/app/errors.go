package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

var known = []struct {
	name string
	err  error
}{
	{"EOF", io.EOF},
	{"unexpected EOF", io.ErrUnexpectedEOF},
	{"short write", io.ErrShortWrite},
	{"canceled", context.Canceled},
	{"deadline exceeded", context.DeadlineExceeded},
	{"i/o timeout", os.ErrDeadlineExceeded},
	{"body not allowed", http.ErrBodyNotAllowed},
	{"content length", http.ErrContentLength},
	{"read after close", http.ErrBodyReadAfterClose},
	{"abort handler", http.ErrAbortHandler},
	{"handler timeout", http.ErrHandlerTimeout},
	{"hijacked", http.ErrHijacked},
	{"not supported", http.ErrNotSupported},
	{"not multipart", http.ErrNotMultipart},
	{"missing boundary", http.ErrMissingBoundary},
	{"missing file", http.ErrMissingFile},
	{"no cookie", http.ErrNoCookie},
}

// class is what a handler can tell of an error: which of the errors it is that are compared with, and its type.
// The text of others is their server's own business.
func class(err error) string {
	if err == nil {
		return "nil"
	}
	for _, k := range known {
		if err == k.err {
			return k.name
		}
	}
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case errors.As(err, &tooLarge):
		return fmt.Sprintf("MaxBytesError %d", tooLarge.Limit)
	case errors.As(err, &network) && network.Timeout():
		return "i/o timeout" // a type of the server's own around it
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			return "wraps " + k.name
		}
	}
	return "an error"
}
