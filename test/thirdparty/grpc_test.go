package thirdparty

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // the client asks for it
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func init() { apps["grpc"] = newGRPC }

// newGRPC answers gRPC by grpc-go's ServeHTTP, and the test's own questions beside it.
func newGRPC(string) http.Handler {
	words := &grpcWords{newWaiter()}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(1 << 20))
	server.RegisterService(&grpcService, words)
	healthpb.RegisterHealthServer(server, health.NewServer())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if words.waiting.handles(r.URL.Path) {
			words.waiting.ServeHTTP(w, r)
			return
		}
		server.ServeHTTP(w, r)
	})
}

type grpcWords struct{ waiting *waiter }

// grpcService is what protoc would write for a service of four methods.
var grpcService = grpc.ServiceDesc{
	ServiceName: "words.Words",
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{
		MethodName: "Unary",
		Handler: func(srv any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			in := new(word)
			if err := decode(in); err != nil {
				return nil, err
			}
			return srv.(*grpcWords).unary(ctx, in)
		},
	}},
	Streams: []grpc.StreamDesc{
		{StreamName: "Client", ClientStreams: true, Handler: grpcUpload},
		{StreamName: "Server", ServerStreams: true, Handler: grpcDownload},
		{StreamName: "Bidi", ClientStreams: true, ServerStreams: true, Handler: grpcBidi},
	},
}

func (g *grpcWords) unary(ctx context.Context, in *word) (*word, error) {
	sent := metadata.ValueFromIncomingContext(ctx, "x-sent")
	binary := metadata.ValueFromIncomingContext(ctx, "x-sent-bin")
	if err := grpc.SetHeader(ctx, metadata.Pairs("x-seen", fmt.Sprint(sent, binary), "x-out-bin", "\x00\xff")); err != nil {
		return nil, err
	}
	if err := grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", "t", "x-trailer-bin", "\x01")); err != nil {
		return nil, err
	}
	switch in.GetValue() {
	case "fail":
		s, err := status.New(codes.ResourceExhausted, "nö, 100% so").WithDetails(durationpb.New(time.Second))
		if err != nil {
			return nil, err
		}
		return nil, s.Err()
	case "wait":
		g.waiting.wait(ctx)
		return nil, ctx.Err()
	}
	return wrapperspb.String(strings.ToUpper(in.GetValue())), nil
}

func grpcUpload(_ any, stream grpc.ServerStream) error {
	var words []string
	for {
		in := new(word)
		err := stream.RecvMsg(in)
		if errors.Is(err, io.EOF) {
			return stream.SendMsg(wrapperspb.String(strings.Join(words, " ")))
		}
		if err != nil {
			return err
		}
		words = append(words, in.GetValue())
	}
}

func grpcDownload(_ any, stream grpc.ServerStream) error {
	in := new(word)
	if err := stream.RecvMsg(in); err != nil {
		return err
	}
	if err := stream.SendHeader(metadata.Pairs("x-head", "h")); err != nil {
		return err
	}
	stream.SetTrailer(metadata.Pairs("x-trailer", "t"))
	for w := range strings.FieldsSeq(in.GetValue()) {
		if w == "fail" {
			return status.Error(codes.DataLoss, "failed on the way")
		}
		if err := stream.SendMsg(wrapperspb.String(w)); err != nil {
			return err
		}
	}
	return nil
}

func grpcBidi(_ any, stream grpc.ServerStream) error {
	for {
		in := new(word)
		err := stream.RecvMsg(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.SendMsg(wrapperspb.String("<" + in.GetValue() + ">")); err != nil {
			return err
		}
	}
}

// grpcOutcome is all that there is of a call.
func grpcOutcome(header, trailer metadata.MD, messages []string, err error) string {
	s := status.Convert(err)
	return fmt.Sprintln(pairs(header), pairs(trailer), messages, s.Code(),
		streamID.ReplaceAllString(s.Message(), "stream ID N"), s.Details())
}

// pairs are what is compared of metadata: what belongs to HTTP is not.
func pairs(md metadata.MD) string {
	var text []string
	for _, name := range slices.Sorted(maps.Keys(md)) {
		if name != "date" && name != "server" {
			text = append(text, fmt.Sprintf("%s=%q", name, strings.Join(md[name], ", ")))
		}
	}
	return strings.Join(text, " ")
}

func (c *client) grpcConn() *grpc.ClientConn {
	conn, err := grpc.NewClient("passthrough:///"+c.addr, grpc.WithAuthority(c.app+".test"),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.MaxCallSendMsgSize(8<<20)))
	require.NoError(c.t, err)
	c.t.Cleanup(func() { require.NoError(c.t, conn.Close()) })
	return conn
}

func grpcUnary(ctx context.Context, conn *grpc.ClientConn, text string, options ...grpc.CallOption) string {
	var header, trailer metadata.MD
	ctx = metadata.AppendToOutgoingContext(ctx, "x-sent", "a", "x-sent-bin", "\x00\xfe")
	out := new(word)
	err := conn.Invoke(ctx, unaryPath, wrapperspb.String(text), out,
		append(options, grpc.Header(&header), grpc.Trailer(&trailer))...)
	return grpcOutcome(header, trailer, []string{out.GetValue()}, err)
}

// grpcStream sends the words, or says one and hears one in turn, and reads to the end.
func (c *client) grpcStream(conn *grpc.ClientConn, path string, inTurn bool, words ...string) string {
	ctx, cancel := context.WithTimeout(c.t.Context(), requestLimit)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, path)
	require.NoError(c.t, err)
	var messages []string
	for _, w := range words {
		require.NoError(c.t, stream.SendMsg(wrapperspb.String(w)))
		if inTurn {
			out := new(word)
			require.NoError(c.t, stream.RecvMsg(out))
			messages = append(messages, out.GetValue())
		}
	}
	require.NoError(c.t, stream.CloseSend())
	for {
		out := new(word)
		if err = stream.RecvMsg(out); err != nil {
			break
		}
		messages = append(messages, out.GetValue())
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	header, headerErr := stream.Header()
	require.NoError(c.t, headerErr)
	return grpcOutcome(header, stream.Trailer(), messages, err)
}

func TestGRPC(t *testing.T) {
	compareOver(t, []string{"h2c"}, "grpc", func(c *client) {
		conn := c.grpcConn()
		for _, text := range []string{"hello", "", "fail", strings.Repeat("long ", 20_000), strings.Repeat("x", 2<<20)} {
			c.note("unary "+text[:min(len(text), 10)], grpcUnary(c.t.Context(), conn, text))
			c.note("zipped "+text[:min(len(text), 10)], grpcUnary(c.t.Context(), conn, text, grpc.UseCompressor("gzip")))
		}
		c.note("client", c.grpcStream(conn, clientPath, false, slices.Repeat([]string{"w"}, 100)...))
		c.note("server", c.grpcStream(conn, serverPath, false, "a b c"))
		c.note("server fails", c.grpcStream(conn, serverPath, false, "a b fail"))
		c.note("bidi", c.grpcStream(conn, bidiPath, true, "a", "b", "c"))
		c.note("much", c.grpcStream(conn, serverPath, false, strings.Repeat(strings.Repeat("x", 900)+" ", 1000)))
		c.note("no method", grpcOutcome(nil, nil, nil, conn.Invoke(c.t.Context(), "/words.Words/None", new(word), new(word))))
		c.note("no service", grpcOutcome(nil, nil, nil, conn.Invoke(c.t.Context(), "/none.None/None", new(word), new(word))))
		checked, err := healthpb.NewHealthClient(conn).Check(c.t.Context(), new(healthpb.HealthCheckRequest))
		c.note("health", fmt.Sprint(checked.GetStatus(), err))
		c.note("bare GET", c.ask(405, request{path: unaryPath}))
		c.note("unknown media", c.ask(415, request{
			method: "POST", path: unaryPath, header: fields([]string{"Content-Type", "text/odd"}), body: strings.NewReader("x"),
		}))
	})
}

// A call whose time is over, and one that its client gives up, end their handler's context.
func TestGRPCDeadline(t *testing.T) {
	compareOver(t, []string{"h2c"}, "grpc", func(c *client) {
		conn := c.grpcConn()
		wait := func(ctx context.Context) error {
			return conn.Invoke(ctx, unaryPath, wrapperspb.String("wait"), new(word))
		}
		ctx, cancel := context.WithTimeout(c.t.Context(), deadline)
		defer cancel()
		c.note("the client's code", status.Code(wait(ctx)))
		c.get(200, "/begun")
		c.get(200, "/ended")
		c.note("given up", status.Code(c.leaves(wait)))
	})
}
