package thirdparty

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

func init() { apps["otel"] = newOtel }

func newOtel(string) http.Handler {
	spans := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSpanProcessor(spans))
	mux := http.NewServeMux()
	mux.HandleFunc("/echo", echoBody)
	mux.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, r *http.Request) {
		span := trace.SpanFromContext(r.Context())
		span.AddEvent("item " + r.PathValue("id"))
		fmt.Fprint(w, "in a span: ", span.SpanContext().IsValid())
	})
	mux.HandleFunc("/lines", func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			_, _ = io.WriteString(w, "line\n") // the client's end is the test's to see
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/fails", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "failed", http.StatusServiceUnavailable) })
	mux.HandleFunc("/copied", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, strings.NewReader(strings.Repeat("x", 50_000)))
	})
	traced := otelhttp.NewHandler(mux, "server", otelhttp.WithTracerProvider(provider),
		otelhttp.WithPropagators(propagation.TraceContext{}), otelhttp.WithMessageEvents(otelhttp.WriteEvents))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/spans" {
			writeSpans(w, spans.Ended())
			return
		}
		traced.ServeHTTP(w, r)
	})
}

// writeSpans writes what there is to know of spans but for times, ids and ports.
func writeSpans(w io.Writer, spans []sdk.ReadOnlySpan) {
	for _, span := range spans {
		fmt.Fprintln(w, span.Name(), span.SpanKind(), span.Status(), "parent", span.Parent().SpanID())
		writeAttributes(w, "  ", span.Attributes())
		for _, event := range span.Events() {
			fmt.Fprintln(w, "  event", event.Name)
			writeAttributes(w, "    ", event.Attributes)
		}
	}
}

func writeAttributes(w io.Writer, indent string, attributes []attribute.KeyValue) {
	slices.SortFunc(attributes, func(a, b attribute.KeyValue) int { return strings.Compare(string(a.Key), string(b.Key)) })
	for _, a := range attributes {
		if a.Key != "network.peer.port" {
			fmt.Fprintln(w, indent+string(a.Key), a.Value.String())
		}
	}
}

func TestOtel(t *testing.T) {
	compare(t, "otel", func(c *client) {
		c.get(200, "/items/7?q=1", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		c.get(200, "/lines")
		c.get(200, "/copied")
		c.get(503, "/fails")
		c.get(404, "/nothing", "X-Forwarded-For", "192.0.2.9, 192.0.2.1", "User-Agent", "a client")
		c.note("echo", c.ask(200, request{method: "POST", path: "/echo", body: strings.NewReader(strings.Repeat("y", 5000))}))
		c.note("chunked", c.ask(200, request{method: "PUT", path: "/echo", body: io.MultiReader(strings.NewReader("chunked"))}))
		c.note("odd method", c.ask(200, request{method: "BREW", path: "/echo"}))
		c.get(200, "/spans")
	})
}
