package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	coder "github.com/coder/websocket"
	gorilla "github.com/gorilla/websocket"
)

// largestMessage is the limit of every handler: the largest message of the cases.
const largestMessage = 16 << 20

// handlers are the paths of those that cases are played against. What comes goes back: message by message, or, by those
// called stream, piece by piece. Neither library looks whether text is UTF-8. These do, the latter as the pieces come.
var handlers = []string{"/gorilla", "/gorilla/stream", "/coder", "/coder/stream"}

func newHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/gorilla", overGorilla(gorillaWhole))
	mux.HandleFunc("/gorilla/stream", overGorilla(gorillaPieces))
	mux.HandleFunc("/coder", overCoder(coderWhole))
	mux.HandleFunc("/coder/stream", overCoder(coderPieces))
	mux.HandleFunc(memoryPath, serveMemory)
	return mux
}

// errText is the end of a connection whose client has sent text that is none.
var errText = errors.New("autobahn: not UTF-8")

// answerLimit is how long the close frame of a handler may take.
const answerLimit = 5 * time.Second

func overGorilla(echo func(*gorilla.Conn) error) http.HandlerFunc {
	upgrader := gorilla.Upgrader{EnableCompression: true}
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return // it has answered
		}
		defer conn.Close()
		conn.SetReadLimit(largestMessage)
		for err == nil {
			err = echo(conn)
		}
		if errors.Is(err, errText) {
			reason := gorilla.FormatCloseMessage(gorilla.CloseInvalidFramePayloadData, "")
			_ = conn.WriteControl(gorilla.CloseMessage, reason, time.Now().Add(answerLimit)) // the connection ends next
		}
	}
}

func gorillaWhole(conn *gorilla.Conn) error {
	kind, data, err := conn.ReadMessage()
	if err != nil {
		return err
	}
	if kind == gorilla.TextMessage && !utf8.Valid(data) {
		return errText
	}
	return conn.WriteMessage(kind, data)
}

func gorillaPieces(conn *gorilla.Conn) error {
	kind, r, err := conn.NextReader()
	if err != nil {
		return err
	}
	w, err := conn.NextWriter(kind)
	if err != nil {
		return err
	}
	return copyMessage(w, r, kind == gorilla.TextMessage)
}

func overCoder(echo func(context.Context, *coder.Conn) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := coder.Accept(w, r, &coder.AcceptOptions{CompressionMode: coder.CompressionContextTakeover})
		if err != nil {
			return // it has answered
		}
		defer conn.CloseNow()
		conn.SetReadLimit(largestMessage)
		for err == nil {
			err = echo(r.Context(), conn)
		}
		if errors.Is(err, errText) {
			_ = conn.Close(coder.StatusInvalidFramePayloadData, "") // the connection ends next
		}
	}
}

func coderWhole(ctx context.Context, conn *coder.Conn) error {
	kind, data, err := conn.Read(ctx)
	if err != nil {
		return err
	}
	if kind == coder.MessageText && !utf8.Valid(data) {
		return errText
	}
	return conn.Write(ctx, kind, data)
}

func coderPieces(ctx context.Context, conn *coder.Conn) error {
	kind, r, err := conn.Reader(ctx)
	if err != nil {
		return err
	}
	w, err := conn.Writer(ctx, kind)
	if err != nil {
		return err
	}
	return copyMessage(w, r, kind == coder.MessageText)
}

// copyMessage sends a message back as it comes.
func copyMessage(w io.WriteCloser, r io.Reader, isText bool) error {
	var check checker
	piece := make([]byte, 32<<10)
	for {
		n, err := r.Read(piece)
		if isText && !check.take(piece[:n]) {
			return errText
		}
		if n > 0 {
			if _, err := w.Write(piece[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	if len(check.rest) > 0 {
		return errText
	}
	return w.Close()
}

// A checker finds out where text stops to be UTF-8, as it comes.
type checker struct{ rest []byte } // the beginning of a code point

func (c *checker) take(piece []byte) bool {
	if len(c.rest) == 0 && utf8.Valid(piece) {
		return true
	}
	c.rest = append(c.rest, piece...)
	for utf8.FullRune(c.rest) {
		r, size := utf8.DecodeRune(c.rest)
		if r == utf8.RuneError && size == 1 {
			return false
		}
		c.rest = c.rest[size:]
	}
	return true
}
