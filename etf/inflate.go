package etf

import (
	"compress/zlib"
	"errors"
	"io"
	"math"
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
// true, and not beyond MaxBytes and MaxMemory.
func inflate(data string, lim *Limits) (s string, end int, err error) {
	if len(data) < inflateHeader {
		return "", 0, syntax(1, msgShort)
	}
	n, packed := int64(be32(data, 2)), data[inflateHeader:]
	for _, l := range []LimitError{{Limit: "MaxBytes", Max: lim.MaxBytes}, {Limit: "MaxMemory", Max: lim.MaxMemory}} {
		if l.Got = int(min(n+1, math.MaxInt)); n+1 > int64(l.Max) {
			return "", 0, &l
		}
	}
	if n > mostInflated*int64(len(packed)) {
		return "", 0, syntax(2, "length that so few compressed bytes cannot have")
	}
	in := strings.NewReader(packed) // an io.ByteReader, so that no byte behind the end is taken
	z, err := zlib.NewReader(in)
	if err != nil {
		return "", 0, zlibError(err)
	}
	out := make([]byte, 1+n)
	out[0] = version
	if _, err := io.ReadFull(z, out[1:]); err != nil {
		_, err = z.Read(out[:1]) // ReadFull does not say whether zlib has come to its end
		return "", 0, zlibError(err)
	}
	// The end is read as well: the checksum stands there.
	if k, err := z.Read(make([]byte, 1)); k != 0 || !errors.Is(err, io.EOF) {
		return "", 0, zlibError(err)
	}
	return viewString(out), len(data) - in.Len(), nil
}

// zlibError says whether bytes are missing, or wrong.
func zlibError(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return syntax(inflateHeader, msgShort)
	}
	return syntax(inflateHeader, msgZlib)
}

// inflateHeader is the version byte, the tag and the length.
const inflateHeader = 6

const msgZlib = "compressed term whose bytes are not zlib's, or of another length than it says,"
