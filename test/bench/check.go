package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A check is what a contestant must answer before it is timed.
type check struct {
	path   string
	prefix string
	length int64 // of the body
	stream bool  // the body does not end: its prefix is all that is looked at
	body   []byte
	json   bool // the same value comes back
	// headers are sent, and each of eight reply headers has to have the value of one.
	headers map[string]string
	reply   string
	// echo is a message that comes back by a WebSocket; but for the path, nothing else counts then.
	echo []byte
}

const checkLimit = 10 * time.Second

func benchHeaders(count int) map[string]string {
	h := map[string]string{}
	for i := 1; i <= count; i++ {
		n := strconv.Itoa(i)
		h["X-Bench-"+n] = "value-" + n + "-of-a-usual-length"
	}
	return h
}

func uploadCheck() check {
	body := []byte(strings.Repeat("0123456789abcde\n", mb/16))
	return check{path: "/upload", body: body, prefix: fmt.Sprintf("%x\n", sha256.Sum256(body)), length: 65}
}

func jsonCheck() check {
	body := jsonBody()
	return check{path: "/json", body: body, json: true}
}

// jsonBody has about 2 KB of what APIs send: objects in a list, texts, numbers, escapes.
func jsonBody() []byte {
	type item struct {
		ID    int      `json:"id"`
		Name  string   `json:"name"`
		Price float64  `json:"price"`
		Tags  []string `json:"tags"`
		Stock any      `json:"stock"`
	}
	var list []item
	for i := range 18 {
		list = append(list, item{
			i, "Item \"" + strconv.Itoa(i) + "\" – größer", float64(i) + 0.25,
			[]string{"red", "blue", "x\ty"},
			map[string]any{"left": i * 7, "gone": i%2 == 0},
		})
	}
	out, _ := json.Marshal(map[string]any{"items": list}) // of plain values
	return out
}

// client speaks that protocol and no other. It takes any certificate: ours was made when the bench began.
func (p protocol) client() *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(p == http1 || p == http1TLS)
	protocols.SetHTTP2(p == http2TLS)
	protocols.SetUnencryptedHTTP2(p == http2)
	return &http.Client{Transport: &http.Transport{
		Protocols: &protocols, DisableKeepAlives: p == http1 || p == http1TLS, WriteBufferSize: 64 << 10,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
}

// run asks over one protocol.
func (c check) run(ctx context.Context, url string, over protocol) error {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	if c.echo != nil {
		return c.runEcho(ctx, url)
	}
	client := over.client()
	defer client.CloseIdleConnections()
	method, body := "GET", io.Reader(http.NoBody)
	if c.body != nil {
		method, body = "POST", bytes.NewReader(c.body)
	}
	req, err := http.NewRequestWithContext(ctx, method, url+c.path, body)
	if err != nil {
		return err
	}
	for name, value := range c.headers {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("bench: checking %s: %w", c.path, err)
	}
	defer res.Body.Close()
	if err := c.judge(res); err != nil {
		return fmt.Errorf("bench: checking %s: %w", c.path, err)
	}
	return nil
}

func (c check) judge(res *http.Response) error {
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	for i := 1; c.reply != "" && i <= 8; i++ {
		if got := res.Header.Get("X-Reply-" + strconv.Itoa(i)); got != c.reply {
			return fmt.Errorf("x-reply-%d is %q", i, got)
		}
	}
	if c.stream {
		head := make([]byte, len(c.prefix))
		_, err := io.ReadFull(res.Body, head)
		if err == nil && string(head) != c.prefix {
			err = fmt.Errorf("the stream begins with %q", head)
		}
		return err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if c.json {
		return sameJSON(c.body, body)
	}
	if int64(len(body)) != c.length || !bytes.HasPrefix(body, []byte(c.prefix)) {
		return fmt.Errorf("%d bytes that begin with %.40q, expected %d and %q", len(body), body, c.length, c.prefix)
	}
	return nil
}

func sameJSON(a, b []byte) error {
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		return err
	}
	if err := json.Unmarshal(b, &y); err != nil {
		return fmt.Errorf("%w in %.80q", err, b)
	}
	if !reflect.DeepEqual(x, y) {
		return fmt.Errorf("other JSON came back: %.80q", b)
	}
	return nil
}
