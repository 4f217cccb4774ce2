// Package corpus reads the wire's corpus, which lies beside it; README.md
// describes the format. It is for tests, and for gwport check, which plays the
// scripts.
package corpus

import (
	"bytes"
	"embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

//go:embed frames.txt terms.txt
var files embed.FS

// ProgramScripts are what a host does to a program.
//
//go:embed program.script
var ProgramScripts string

// HostScripts are what a program does to a host.
//
//go:embed host.script
var HostScripts string

// Case is one entry.
type Case struct {
	Name, Rule, Verdict, Reader string

	Max     int // the reader's max_frame
	Bytes   []byte
	Frames  []Frame
	Term    string // in Erlang's syntax; empty: not told
	Encoder string // who writes Term as Bytes: any, otp25, otp26, none; empty: no Term
}

// Frame is a frame that is to be read off the bytes. Stream is 0 if it has none.
type Frame struct {
	Kind    string
	Stream  uint32
	Payload []byte
}

// For tells whether the entry is for a reader: "host" or "program".
func (c Case) For(reader string) bool { return c.Reader == "both" || c.Reader == reader }

// Frames returns the entries of frames.txt.
func Frames() ([]Case, error) { return read("frames.txt") }

// Terms returns the entries of terms.txt.
func Terms() ([]Case, error) { return read("terms.txt") }

func read(name string) ([]Case, error) {
	text, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var all []Case
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, _ := strings.Cut(line, ":")
		if key == "case" {
			all = append(all, Case{Max: 1 << 20})
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("corpus: %s:%d: %s before the first case", name, number, key)
		}
		if err := all[len(all)-1].set(key, strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("corpus: %s:%d: %w", name, number, err)
		}
	}
	return all, nil
}

func (c *Case) set(key, value string) (err error) {
	switch key {
	case "case":
		c.Name = value
	case "rule":
		c.Rule = value
	case "verdict":
		c.Verdict = value
	case "reader":
		c.Reader = value
	case "term":
		c.Term = value
	case "encoder":
		c.Encoder = value
	case "max":
		c.Max, err = strconv.Atoi(value)
	case "bytes":
		c.Bytes, err = unhex(value)
	case "frame":
		return c.addFrame(value)
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return err
}

// addFrame reads KIND STREAM PAYLOAD.
func (c *Case) addFrame(value string) error {
	kind, rest, _ := strings.Cut(value, " ")
	number, payload, _ := strings.Cut(rest, " ")
	f := Frame{Kind: kind}
	if number != "-" {
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return err
		}
		f.Stream = uint32(n)
	}
	var err error
	f.Payload, err = unhex(payload)
	c.Frames = append(c.Frames, f)
	return err
}

// unhex reads hexadecimal digits in groups; (HEX)*N is a group N times.
func unhex(s string) ([]byte, error) {
	var all []byte
	for group := range strings.FieldsSeq(s) {
		digits, times := group, 1
		if in, n, found := strings.Cut(strings.TrimPrefix(group, "("), ")*"); found {
			count, err := strconv.Atoi(n)
			if err != nil {
				return nil, err
			}
			digits, times = in, count
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, err
		}
		all = append(all, bytes.Repeat(b, times)...)
	}
	return all, nil
}
