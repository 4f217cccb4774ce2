package etf

import (
	"compress/zlib"
	"errors"
	"io"
	"strings"
)

// mostInflated is how many bytes one compressed byte can become: DEFLATE's best
// is 258 bytes for two bits.
const mostInflated = 1032

// inflate takes a compressed term apart: the version byte, the tag, four bytes of
// how long the term is without its version byte, and the term in zlib's format.
// It returns the term behind a version byte, and where data goes on.
//
// The length is believed only so far as the bytes that are there can make it
// true, and not beyond max.
func inflate(data string, max int) (s string, end int, err error) {
	const header = 6
	if len(data) < header {
		return "", 0, syntax(1, msgShort)
	}
	n, packed := int64(be32(data, 2)), data[header:]
	if n+1 > int64(max) {
		return "", 0, &LimitError{"MaxBytes", max, int(n + 1)}
	}
	if n > mostInflated*int64(len(packed)) {
		return "", 0, syntax(2, "length that so few compressed bytes cannot have")
	}
	in := strings.NewReader(packed) // an io.ByteReader, so that no byte behind the end is taken
	z, err := zlib.NewReader(in)
	if err != nil {
		return "", 0, syntax(header, msgZlib)
	}
	out := make([]byte, 1+n)
	out[0] = version
	if _, err := io.ReadFull(z, out[1:]); err != nil {
		return "", 0, syntax(header, msgZlib)
	}
	// The end is read as well: the checksum stands there.
	if k, err := z.Read(make([]byte, 1)); k != 0 || !errors.Is(err, io.EOF) {
		return "", 0, syntax(header, msgZlib)
	}
	return string(out), len(data) - in.Len(), nil
}

const msgZlib = "compressed term whose bytes are not zlib's, or of another length than it says,"
