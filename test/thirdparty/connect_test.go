package thirdparty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func init() { apps["connect"] = newConnect }

type word = wrapperspb.StringValue

const (
	unaryPath  = "/words.Words/Unary"
	clientPath = "/words.Words/Client"
	serverPath = "/words.Words/Server"
	bidiPath   = "/words.Words/Bidi"
)

func newConnect(string) http.Handler {
	waiting := newWaiter()
	options := []connect.HandlerOption{connect.WithCompressMinBytes(100), connect.WithReadMaxBytes(1 << 20)}
	mux := http.NewServeMux()
	mux.Handle(unaryPath, connect.NewUnaryHandler(unaryPath, connectUnary(waiting), append(options, connect.WithIdempotency(
		connect.IdempotencyNoSideEffects))...))
	mux.Handle(clientPath, connect.NewClientStreamHandler(clientPath,
		func(_ context.Context, stream *connect.ClientStream[word]) (*connect.Response[word], error) {
			var words []string
			for stream.Receive() {
				words = append(words, stream.Msg().GetValue())
			}
			if stream.Err() != nil {
				return nil, stream.Err()
			}
			response := connect.NewResponse(wrapperspb.String(strings.Join(words, " ")))
			response.Trailer().Set("X-Count", fmt.Sprint(len(words)))
			return response, nil
		}, options...))
	mux.Handle(serverPath, connect.NewServerStreamHandler(serverPath,
		func(_ context.Context, r *connect.Request[word], stream *connect.ServerStream[word]) error {
			stream.ResponseHeader().Set("X-Head", "h")
			stream.ResponseTrailer().Set("X-Trailer", "t")
			for w := range strings.FieldsSeq(r.Msg.GetValue()) {
				if w == "fail" {
					return connect.NewError(connect.CodeDataLoss, errors.New("failed on the way"))
				}
				if err := stream.Send(wrapperspb.String(w)); err != nil {
					return err
				}
			}
			return nil
		}, options...))
	mux.Handle(bidiPath, connect.NewBidiStreamHandler(bidiPath,
		func(_ context.Context, stream *connect.BidiStream[word, word]) error {
			for {
				m, err := stream.Receive()
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					return err
				}
				if err := stream.Send(wrapperspb.String("<" + m.GetValue() + ">")); err != nil {
					return err
				}
			}
		}, options...))
	mux.Handle("/begun", waiting)
	mux.Handle("/ended", waiting)
	return mux
}

func connectUnary(waiting *waiter) func(context.Context, *connect.Request[word]) (*connect.Response[word], error) {
	return func(ctx context.Context, r *connect.Request[word]) (*connect.Response[word], error) {
		switch r.Msg.GetValue() {
		case "fail":
			err := connect.NewError(connect.CodeResourceExhausted, errors.New("nö"))
			err.Meta().Set("X-Meta", "m")
			detail, detailErr := connect.NewErrorDetail(durationpb.New(time.Second))
			if detailErr != nil {
				return nil, detailErr
			}
			err.AddDetail(detail)
			return nil, err
		case "panic":
			panic(http.ErrAbortHandler)
		case "wait":
			waiting.wait(ctx)
			return nil, ctx.Err()
		}
		response := connect.NewResponse(wrapperspb.String(strings.ToUpper(r.Msg.GetValue())))
		response.Header().Set("X-Seen", r.Header().Get("X-Sent")+" "+r.Peer().Protocol+" "+r.HTTPMethod())
		response.Header().Add("X-Bin-Bin", connect.EncodeBinaryHeader([]byte{0, 255}))
		response.Trailer().Set("X-Trailer", "t")
		return response, nil
	}
}

var streamID = regexp.MustCompile(`stream ID \d+`)

// outcome is all that there is of a call.
func outcome(header, trailer http.Header, messages []string, err error) string {
	text := fmt.Sprintln(flat(header), flat(trailer), messages)
	var e *connect.Error
	if errors.As(err, &e) {
		text += fmt.Sprintln(e.Code(), streamID.ReplaceAllString(e.Message(), "stream ID N"), flat(e.Meta()))
		for _, detail := range e.Details() {
			value, err := detail.Value()
			text += fmt.Sprintln(detail.Type(), value, err)
		}
		return text
	}
	return text + fmt.Sprintln(err)
}

func (c *client) callUnary(text string, options ...connect.ClientOption) string {
	unary := connect.NewClient[word, word](c, c.url(unaryPath), options...)
	r := connect.NewRequest(wrapperspb.String(text))
	r.Header().Set("X-Sent", "é, b")
	response, err := unary.CallUnary(c.t.Context(), r)
	if err != nil {
		return outcome(nil, nil, nil, err)
	}
	return outcome(response.Header(), response.Trailer(), []string{response.Msg.GetValue()}, nil)
}

func (c *client) callServer(text string, options ...connect.ClientOption) string {
	server := connect.NewClient[word, word](c, c.url(serverPath), options...)
	stream, err := server.CallServerStream(c.t.Context(), connect.NewRequest(wrapperspb.String(text)))
	if err != nil {
		return outcome(nil, nil, nil, err)
	}
	defer stream.Close()
	var messages []string
	for stream.Receive() {
		messages = append(messages, stream.Msg().GetValue())
	}
	return outcome(stream.ResponseHeader(), stream.ResponseTrailer(), messages, stream.Err())
}

func (c *client) callClient(words []string, options ...connect.ClientOption) string {
	upload := connect.NewClient[word, word](c, c.url(clientPath), options...)
	stream := upload.CallClientStream(c.t.Context())
	for _, w := range words {
		if err := stream.Send(wrapperspb.String(w)); err != nil {
			break // what went wrong is in the answer
		}
	}
	response, err := stream.CloseAndReceive()
	if err != nil {
		return outcome(nil, nil, nil, err)
	}
	return outcome(response.Header(), response.Trailer(), []string{response.Msg.GetValue()}, nil)
}

// callBidi sends each word when the one before it has been answered.
func (c *client) callBidi(words []string, options ...connect.ClientOption) string {
	bidi := connect.NewClient[word, word](c, c.url(bidiPath), options...)
	stream := bidi.CallBidiStream(c.t.Context())
	var messages []string
	for _, w := range words {
		if err := stream.Send(wrapperspb.String(w)); err != nil {
			return outcome(nil, nil, messages, err)
		}
		m, err := stream.Receive()
		if err != nil {
			return outcome(nil, nil, messages, err)
		}
		messages = append(messages, m.GetValue())
	}
	require.NoError(c.t, stream.CloseRequest())
	_, err := stream.Receive()
	require.NoError(c.t, stream.CloseResponse())
	return outcome(stream.ResponseHeader(), stream.ResponseTrailer(), messages, err)
}

func TestConnect(t *testing.T) {
	kinds := map[string][]connect.ClientOption{
		"connect": nil,
		"json":    {connect.WithProtoJSON()},
		"get":     {connect.WithHTTPGet()},
		"zipped":  {connect.WithSendGzip()},
		"web":     {connect.WithGRPCWeb()},
		"grpc":    {connect.WithGRPC()},
	}
	compare(t, "connect", func(c *client) {
		for _, kind := range []string{"connect", "json", "get", "zipped", "web", "grpc"} {
			if kind == "grpc" && c.protocol == "h1" {
				continue // which has its trailers on HTTP/2 only
			}
			options := kinds[kind]
			for _, text := range []string{"hello", "", "fail", "panic", strings.Repeat("long ", 20_000), strings.Repeat("x", 2<<20)} {
				c.note(kind+" unary "+text[:min(len(text), 10)], c.callUnary(text, options...))
			}
			c.note(kind+" server", c.callServer("a b c", options...))
			c.note(kind+" server fails", c.callServer("a b fail", options...))
			c.note(kind+" client", c.callClient(slices.Repeat([]string{"w"}, 100), options...))
			if c.protocol == "h2c" {
				c.note(kind+" bidi", c.callBidi([]string{"a", "b", "c"}, options...))
			}
		}
		c.note("bare GET", c.ask(405, request{path: clientPath}))
		c.note("unknown media", c.ask(415, request{
			method: "POST", path: unaryPath, header: fields([]string{"Content-Type", "text/odd"}), body: strings.NewReader("x"),
		}))
	})
}

// A call whose time is over, and one that its client gives up, end their handler's context.
func TestConnectDeadline(t *testing.T) {
	compare(t, "connect", func(c *client) {
		unary := connect.NewClient[word, word](c, c.url(unaryPath))
		wait := func(ctx context.Context) error {
			_, err := unary.CallUnary(ctx, connect.NewRequest(wrapperspb.String("wait")))
			return err
		}
		ctx, cancel := context.WithTimeout(c.t.Context(), deadline)
		defer cancel()
		c.note("the client's code", connect.CodeOf(wait(ctx)))
		c.get(200, "/begun")
		c.get(200, "/ended")
		c.note("given up", connect.CodeOf(c.leaves(wait)))
	})
}
