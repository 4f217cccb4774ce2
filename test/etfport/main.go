// Etfport is a port program with {packet, 4} that shows what etf makes of terms, for tests. A message to it begins with
// a letter: e, and it decodes the term that follows and answers with what it encodes again; d, the same in the order of
// term_to_binary's deterministic option; m, the same by Marshal; g, and erlang_go encodes what bridge/erlanggo has made of
// the term; v, and it answers what etf has against the bytes, or nothing; r, and it makes the random term that belongs to
// the eight bytes that follow.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"

	"github.com/okeuday/erlang_go/v2/erlang"

	"github.com/gwport/gwport/bridge/erlanggo"
	"github.com/gwport/gwport/etf"
)

// The terms of the tests are larger than a stranger's may be.
var limits = etf.Limits{
	MaxBytes: 64 << 20, MaxDepth: 1 << 16, MaxTerms: 1 << 24, MaxPairs: 1 << 20,
	MaxAtoms: 1 << 20, MaxBigBytes: 1 << 24, MaxMemory: 1 << 30,
}

func main() {
	if err := serve(bufio.NewReader(os.Stdin), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "etfport:", err)
		os.Exit(1)
	}
}

// serve answers until the port is closed.
func serve(in io.Reader, out io.Writer) error {
	for {
		var size [4]byte
		if _, err := io.ReadFull(in, size[:]); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		msg := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(in, msg); err != nil {
			return err
		}
		if len(msg) == 0 {
			return fmt.Errorf("message without a letter")
		}
		reply := answer(msg[0], msg[1:])
		if _, err := out.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(reply))), reply...)); err != nil {
			return err
		}
	}
}

// answer never begins with the version byte where it is an error's sentence.
func answer(letter byte, data []byte) []byte {
	o := etf.Options{Limits: limits, Deterministic: letter == 'd' || letter == 'm'}
	var term any
	switch letter {
	case 'v':
		if err := etf.Valid(string(data), limits); err != nil {
			return []byte(err.Error())
		}
		return nil
	case 'r':
		term = random(binary.BigEndian.Uint64(data))
	default:
		var err error
		if term, err = o.Decode(data); err != nil {
			return []byte(err.Error())
		}
	}
	out, err := write(letter, o, term)
	if err != nil {
		return []byte(err.Error())
	}
	return out
}

func write(letter byte, o etf.Options, term any) ([]byte, error) {
	switch letter {
	case 'm':
		return o.Marshal(term)
	case 'g':
		return throughErlangGo(term)
	}
	return o.Append(etf.AppendVersion(nil), term)
}

// throughErlangGo has the term become erlang_go's value, and come back as the term that it was, before that is encoded.
func throughErlangGo(term any) ([]byte, error) {
	v, err := erlanggo.FromTerm(term)
	if err != nil {
		return nil, err
	}
	again, err := erlanggo.ToTerm(v)
	if err != nil {
		return nil, err
	}
	inOrder := etf.Options{Deterministic: true}
	want, err := inOrder.Append(nil, term)
	if err != nil {
		return nil, err
	}
	if got, err := inOrder.Append(nil, again); err != nil || !bytes.Equal(want, got) {
		return nil, fmt.Errorf("the term comes back from erlang_go's values as another: %w", err)
	}
	return erlang.TermToBinary(v, -1)
}
