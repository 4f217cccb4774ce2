package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

// The table in README.md stands between these lines.
const (
	readmeBegin = "<!-- made by make bench -->\n"
	readmeEnd   = "<!-- end of what make bench made -->\n"
)

// readmeRows are the loads that the README shows, in its words.
var readmeRows = []struct{ load, title string }{
	{"hello_c1", "hello, 1 connection"},
	{"hello_c64", "hello, 64 connections"},
	{"headers_c64", "25 request and 10 response headers"},
	{"tls_hello", "hello over TLS"},
	{"h2_hello", "hello over TLS, HTTP/2"},
	{"burn_1ms", "a handler that burns 1 ms"},
	{"json_2k", "2 KB of JSON decoded and encoded"},
	{"upload_1m", "1 MB uploaded to SHA-256"},
	{"gen_100k", "100 KB generated"},
	{"gen_10m", "10 MB generated"},
	{"file_100k", "100 KB from a file"},
	{"file_10m", "10 MB from a file"},
	{"ws_echo_64", "WebSocket messages of 14 bytes echoed"},
	{"ws_16k", "WebSocket messages of 16 KiB echoed"},
	{"sleep_10k", "10,000 requests that sleep a second"},
	{"hello_burn4", "hello, while four streams burn CPU"},
}

var readmeColumns = []struct{ contestant, title string }{
	{"gwport_handler", "`gwport_handler`"},
	{"gwport_stream", "`gwport_stream_h`"},
	{gunProxy, "Cowboy, gun (32 kept), net/http"},
	{"nginx_http", "nginx, net/http"},
	{"nethttp", "net/http alone"},
}

// readmeTable has a row for each of the loads that were run.
func readmeTable(res *Results) (string, error) {
	var out strings.Builder
	out.WriteString("| |")
	for _, c := range readmeColumns {
		out.WriteString(" " + c.title + " |")
	}
	out.WriteString("\n|---|" + strings.Repeat("---|", len(readmeColumns)) + "\n")
	rows := 0
	for _, r := range readmeRows {
		if each(measured(res.of(r.load, ownHandler)), Run.Rate).N == 0 {
			continue
		}
		rows++
		out.WriteString("| " + r.title + " |")
		for _, c := range readmeColumns {
			out.WriteString(" " + res.both(r.load, c.contestant, Run.Rate) + " |")
		}
		out.WriteString("\n")
	}
	if rows == 0 {
		return "", errors.New("bench: the results have no row of README's table")
	}
	return out.String(), nil
}

// updateReadme puts the table in the place of the one that is there.
func updateReadme(name string, res *Results) error {
	table, err := readmeTable(res)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	before, rest, begins := bytes.Cut(text, []byte(readmeBegin))
	_, after, ends := bytes.Cut(rest, []byte(readmeEnd))
	if !begins || !ends {
		return fmt.Errorf("bench: %s has no place for the table, between %q and %q", name, readmeBegin, readmeEnd)
	}
	out := string(before) + readmeBegin + "\n" + table + "\n" + readmeEnd + string(after)
	return os.WriteFile(name, []byte(out), 0o644)
}
