package thirdparty

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func init() { apps["prometheus"] = newPrometheus }

func newPrometheus(string) http.Handler {
	registry := prometheus.NewRegistry()
	labels := []string{"code", "method"}
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total", Help: "x"}, labels)
	responses := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "response_bytes", Buckets: []float64{10, 1000, 100_000},
	}, labels)
	sizes := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "request_bytes", Buckets: []float64{1e6}}, labels)
	firsts := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "heads", Buckets: []float64{3600}}, labels)
	running := prometheus.NewGauge(prometheus.GaugeOpts{Name: "running"})
	registry.MustRegister(requests, responses, sizes, firsts, running)
	instrument := func(h http.Handler) http.Handler {
		h = promhttp.InstrumentHandlerResponseSize(responses, h)
		h = promhttp.InstrumentHandlerRequestSize(sizes, h)
		h = promhttp.InstrumentHandlerTimeToWriteHeader(firsts, h)
		h = promhttp.InstrumentHandlerCounter(requests, h)
		return promhttp.InstrumentHandlerInFlight(running, h)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 1}))
	mux.Handle("/hello", instrument(text("hello")))
	mux.Handle("/nothing", instrument(http.NotFoundHandler()))
	mux.Handle("/echo", instrument(http.HandlerFunc(echoBody)))
	mux.Handle("/copied", instrument(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, strings.NewReader(strings.Repeat("x", 50_000))) // by ReadFrom, if the writer has it
	})))
	// promhttp picks one of 32 writers by the interfaces that it finds.
	mux.Handle("/writer", instrument(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, interfaces(w))
	})))
	return mux
}

// interfaces are those that middleware looks for. (io.ReaderFrom is one of net/http's writer on HTTP/1.1 alone. It is a
// faster way to do the same, so one that has it on HTTP/2 too is as good.)
func interfaces(w http.ResponseWriter) string {
	_, flusher := w.(http.Flusher)
	_, notifier := w.(http.CloseNotifier) //lint:ignore SA1019 old code asks for it
	return fmt.Sprintf("Flusher %-5t CloseNotifier %-5t", flusher, notifier)
}

func TestPrometheus(t *testing.T) {
	compare(t, "prometheus", func(c *client) {
		c.get(200, "/hello")
		c.get(404, "/nothing")
		c.get(200, "/copied")
		c.get(200, "/writer")
		c.note("echo", c.ask(200, request{method: "POST", path: "/echo", body: strings.NewReader(strings.Repeat("y", 5000))}))
		c.note("chunked", c.ask(200, request{method: "PUT", path: "/echo", body: io.MultiReader(strings.NewReader("chunked"))}))
		c.get(200, "/metrics?name[]=requests_total")
		metrics := c.ask(200, request{path: "/metrics"})
		// How long it took is not compared; how often it was measured is. (Request sizes count the fields, of which
		// Cowboy passes on as many.)
		c.note("metrics", without(metrics.Body, "heads_sum"))
		open := c.ask(200, request{
			path: "/metrics", header: fields([]string{"Accept", "application/openmetrics-text;version=1.0.0"}),
		})
		open.Body = without(open.Body, "heads_sum")
		c.note("open metrics", open)
		zipped := c.ask(200, request{path: "/metrics", header: fields([]string{"Accept-Encoding", "gzip"})})
		c.note("gzip", zipped.Header)
	})
}

// without leaves out the lines that begin so.
func without(text string, prefix string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, prefix) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}
