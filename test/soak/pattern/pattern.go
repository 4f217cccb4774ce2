// Package pattern has the bytes of bodies: a client knows from a request's number what its answer has to be.
package pattern

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
)

// New gives the n bytes that belong to a number.
func New(id uint64, n int64) io.Reader {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], id)
	return io.LimitReader(rand.NewChaCha8(seed), n)
}

// Receipt is what the app answers to a body that it has counted.
func Receipt(id uint64, body io.Reader) (string, error) {
	hash := sha256.New()
	n, err := io.Copy(hash, body)
	return fmt.Sprintf("%d: %d bytes %s\n", id, n, hex.EncodeToString(hash.Sum(nil))), err
}

// Event is one of a stream of events.
func Event(id uint64, i int) string {
	return fmt.Sprintf("id: %d\ndata: event %d of request %d\n\n", i, i, id)
}

// Events gives them all.
func Events(id uint64, count int) io.Reader {
	var all bytes.Buffer
	for i := range count {
		all.WriteString(Event(id, i))
	}
	return &all
}
