package thirdparty

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const requestLimit = 40 * time.Second

// protocols are those that a case is run with.
var protocols = []string{"h1", "h2c"}

// A client asks one app of one server by one protocol, and notes what it is told.
type client struct {
	*http.Client
	t        *testing.T
	app      string
	protocol string
	server   string
	addr     string
	notes    []note
}

// A note is what a case saw, by a name that is its own within the case.
type note struct {
	name string
	seen any
}

func newClient(t *testing.T, app, protocol, server, addr string) *client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(protocol == "h1")
	protocols.SetUnencryptedHTTP2(protocol == "h2c")
	transport := &http.Transport{
		Protocols: protocols,
		// Hosts are names of apps.
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, addr)
		},
		// What the server sends is what is compared.
		DisableCompression: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{
		Client: &http.Client{
			Transport:     transport,
			Timeout:       requestLimit,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		t: t, app: app, protocol: protocol, server: server, addr: addr,
	}
}

func (c *client) url(path string) string { return "http://" + c.app + ".test" + path }

func (c *client) note(name string, seen any) { c.notes = append(c.notes, note{name, seen}) }

// An answer is all that a client can see of a response but for what belongs to the connection or to the second.
type answer struct {
	Status  int
	Header  map[string]string
	Body    string
	Trailer map[string]string
	Informs []string
	// End is empty for a response that is whole.
	End string
}

// request is one request; what is empty has net/http's default.
type request struct {
	method, path string
	header       http.Header
	body         io.Reader
}

// ask sends a request and gives the answer, which must have the status under net/http. (Behind gwport it is compared.)
func (c *client) ask(status int, r request) answer {
	c.t.Helper()
	a := c.send(r)
	if c.server == reference {
		assert.Equal(c.t, status, a.Status, "%s %s: %s %.200s", r.method, r.path, a.End, a.Body)
	}
	return a
}

// get asks and notes under the path.
func (c *client) get(status int, path string, header ...string) answer {
	c.t.Helper()
	a := c.ask(status, request{path: path, header: fields(header)})
	c.note(strings.Join(append([]string{"GET " + path}, header...), " "), a)
	return a
}

// fields are a name, a value, a name and so on.
func fields(pairs []string) http.Header {
	header := make(http.Header)
	for pair := range slices.Chunk(pairs, 2) {
		header.Add(pair[0], pair[1])
	}
	return header
}

func (c *client) send(r request) answer {
	c.t.Helper()
	var a answer
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		a.Informs = append(a.Informs, http.StatusText(code)+" "+flat(http.Header(header))["link"])
		return nil
	}}
	ctx := httptrace.WithClientTrace(c.t.Context(), trace)
	req, err := http.NewRequestWithContext(ctx, r.method, c.url(r.path), r.body)
	require.NoError(c.t, err)
	maps.Copy(req.Header, r.header)
	response, err := c.Do(req)
	if err != nil {
		a.End = ending(err)
		return a
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusSwitchingProtocols {
		a.Status = response.StatusCode // what follows is another protocol's
		return a
	}
	body, err := io.ReadAll(response.Body)
	a.Status, a.Header, a.Body = response.StatusCode, flat(response.Header), string(body)
	a.Trailer, a.End = flat(response.Trailer), ending(err)
	if a.Body != "" {
		// With it or without, the body is delimited, and this client finds a wrong one out.
		delete(a.Header, "content-length")
	}
	return a
}

// flat are fields that are compared, joined.
func flat(header http.Header) map[string]string {
	joined := make(map[string]string)
	for name, values := range header {
		switch name {
		case "Date", "Server", "Connection", "Keep-Alive", "Transfer-Encoding":
		default:
			joined[strings.ToLower(name)] = strings.Join(values, ", ")
		}
	}
	return joined
}

// ending says how a response ended without the words of either protocol's client.
func ending(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &timeout) && timeout.Timeout():
		return "hung"
	default:
		return "broken off"
	}
}
