package main

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A deflate is permessage-deflate (RFC 7692) as the server has agreed to it.
type deflate struct {
	serverForgets bool // server_no_context_takeover
	clientForgets bool // client_no_context_takeover

	// loose: the answer leaves out server_max_window_bits, which the offer had and the server has to repeat. What it
	// compresses is still read: this client's window is the largest.
	loose bool

	packed bytes.Buffer
	writer *flate.Writer
	seen   []byte // the end of all that has come, which the server may refer to
}

const (
	extension     = "permessage-deflate"
	serverForgets = "server_no_context_takeover"
	clientForgets = "client_no_context_takeover"
	serverWindow  = "server_max_window_bits"

	window = 32 << 10
	tail   = "\x00\x00\xff\xff" // of each message, and not sent
)

// agreed reads the answer to offers: nil where there is none.
func agreed(offers, answer string) (*deflate, error) {
	if answer == "" {
		return nil, nil
	}
	d := new(deflate)
	names := strings.Split(answer, ";")
	for i, name := range names {
		names[i], _, _ = strings.Cut(strings.TrimSpace(name), "=")
	}
	if offers == "" || names[0] != extension {
		return nil, fmt.Errorf("autobahn: %q was offered, and %q is the answer", offers, answer)
	}
	for _, name := range names[1:] {
		switch name {
		case serverForgets:
			d.serverForgets = true
		case clientForgets:
			d.clientForgets = true
		case serverWindow: // the largest is at hand
		default:
			return nil, fmt.Errorf("autobahn: %q in the answer %q is not known to this client", name, answer)
		}
	}
	d.loose = !slices.Contains(names, serverWindow) && !slices.ContainsFunc(strings.Split(offers, ","), func(offer string) bool {
		return !strings.Contains(offer, serverWindow)
	})
	return d, nil
}

// pack compresses a message.
func (d *deflate) pack(data []byte) ([]byte, error) {
	d.packed.Reset()
	if d.writer == nil || d.clientForgets {
		writer, err := flate.NewWriter(&d.packed, flate.DefaultCompression)
		if err != nil {
			return nil, err
		}
		d.writer = writer
	}
	if _, err := d.writer.Write(data); err != nil {
		return nil, err
	}
	if err := d.writer.Flush(); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(bytes.Clone(d.packed.Bytes()), []byte(tail)), nil
}

// inflate is the other way round.
func (d *deflate) inflate(data []byte) ([]byte, error) {
	// An empty last block ends the stream, so that the reader finds its end.
	stream := io.MultiReader(bytes.NewReader(data), strings.NewReader(tail+"\x01\x00\x00\xff\xff"))
	whole, err := io.ReadAll(flate.NewReaderDict(stream, d.seen))
	if err != nil {
		return nil, err
	}
	if !d.serverForgets {
		d.seen = append(d.seen, whole...)
		d.seen = slices.Clone(d.seen[max(0, len(d.seen)-window):])
	}
	return whole, nil
}
