package wire

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// The bytes that `erl` gives for term_to_binary({16, 256, <<"abc">>}), and so on,
// behind {packet, 4}.
var goldenFrames = []struct {
	name  string
	frame Frame
	wire  string
}{
	{"chunk", Frame{KindChunk, 256, []byte("abc")}, "\x00\x00\x00\x12\x83h\x03a\x12b\x00\x00\x01\x00m\x00\x00\x00\x03abc"},
	{"last stream", Frame{KindFin, MaxStream - 1, []byte("\x83j")}, "\x00\x00\x00\x11\x83h\x03a\x13b\x7f\xff\xff\xfem\x00\x00\x00\x02\x83j"},
	{"ping", Frame{KindPing, 0, []byte("\x83a\x07")}, "\x00\x00\x00\x0d\x83h\x02a\x03m\x00\x00\x00\x03\x83a\x07"},
	{"empty payload", Frame{KindHello, 0, nil}, "\x00\x00\x00\x0a\x83h\x02a\x00m\x00\x00\x00\x00"},
}

func (f Frame) append(dst []byte) []byte {
	if f.Stream == 0 {
		return AppendPortFrame(dst, f.Kind, f.Payload)
	}
	return AppendStreamFrame(dst, f.Kind, f.Stream, f.Payload)
}

func TestFramesAreErlangsBytes(t *testing.T) {
	for _, g := range goldenFrames {
		t.Run(g.name, func(t *testing.T) {
			require.Equal(t, g.wire, string(g.frame.append(nil)))
			got, err := NewInput(bytes.NewReader([]byte(g.wire))).Next()
			require.NoError(t, err)
			require.Equal(t, g.frame.Kind, got.Kind)
			require.Equal(t, g.frame.Stream, got.Stream)
			require.Equal(t, string(g.frame.Payload), string(got.Payload))
		})
	}
}

func TestFramesMayBeSplitAndJoinedAnywhere(t *testing.T) {
	var wire []byte
	for _, g := range goldenFrames {
		wire = append(wire, g.wire...)
	}
	for name, r := range map[string]io.Reader{
		"whole":      bytes.NewReader(wire),
		"byte":       iotest.OneByteReader(bytes.NewReader(wire)),
		"half":       iotest.HalfReader(bytes.NewReader(wire)),
		"data+error": iotest.DataErrReader(bytes.NewReader(wire)),
	} {
		t.Run(name, func(t *testing.T) {
			in := NewInput(r)
			for _, g := range goldenFrames {
				f, err := in.Next()
				require.NoError(t, err)
				require.Equal(t, g.frame.Kind, f.Kind)
				require.Equal(t, string(g.frame.Payload), string(f.Payload))
			}
			_, err := in.Next()
			require.Equal(t, io.EOF, err)
		})
	}
}

func TestEndOfInputInsideOfAFrameIsNoCleanEnd(t *testing.T) {
	wire := goldenFrames[0].wire
	for n := 1; n < len(wire); n++ {
		_, err := NewInput(bytes.NewReader([]byte(wire[:n]))).Next()
		require.Equal(t, io.ErrUnexpectedEOF, err, "after %d bytes", n)
	}
}

func TestBadEnvelopesAreWireFaults(t *testing.T) {
	for name, b := range map[string]string{
		"no version":           "\x82h\x02a\x03m\x00\x00\x00\x03\x83a\x07",
		"compressed":           "\x83P\x00\x00\x00\x0a\x78\x9c\x00\x00\x00\x00",
		"list":                 "\x83l\x02a\x03m\x00\x00\x00\x03\x83a\x07",
		"arity 1":              "\x83h\x01a\x03m\x00\x00\x00\x03\x83a\x07",
		"arity 4":              "\x83h\x04a\x13b\x00\x00\x01\x00m\x00\x00\x00\x02\x83j",
		"kind as INTEGER_EXT":  "\x83h\x02b\x00\x00\x00\x03m\x00\x00\x00\x03\x83a\x07",
		"stream as SMALL":      "\x83h\x03a\x12a\xffm\x00\x00\x00\x03abc",
		"stream 255":           "\x83h\x03a\x12b\x00\x00\x00\xffm\x00\x00\x00\x03abc",
		"stream 2^31":          "\x83h\x03a\x12b\x80\x00\x00\x00m\x00\x00\x00\x03abc",
		"payload no binary":    "\x83h\x02a\x03l\x00\x00\x00\x03\x83a\x07",
		"payload too long":     "\x83h\x02a\x03m\x00\x00\x00\x04\x83a\x07",
		"payload too short":    "\x83h\x02a\x03m\x00\x00\x00\x02\x83a\x07",
		"stream head cut":      "\x83h\x03a\x13b\x00\x00\x01\x00m\x00",
		"unknown kind":         "\x83h\x02a\x0am\x00\x00\x00\x03\x83a\x07",
		"unknown stream kind":  "\x83h\x03a\x1ab\x00\x00\x01\x00m\x00\x00\x00\x02\x83j",
		"ping with a stream":   "\x83h\x03a\x03b\x00\x00\x01\x00m\x00\x00\x00\x02\x83j",
		"chunk without stream": "\x83h\x02a\x12m\x00\x00\x00\x03abc",
		"part from the host":   "\x83h\x02a\x08m\x00\x00\x00\x03\x83a\x07",
		"ready from the host":  "\x83h\x02a\x01m\x00\x00\x00\x03\x83a\x07",
		"reply from the host":  "\x83h\x03a\x19b\x00\x00\x01\x00m\x00\x00\x00\x02\x83j",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseFrame([]byte(b))
			require.NotNil(t, err)
			require.Equal(t, FaultBadFrame, err.Code)
		})
	}
}

func TestLengthIsCheckedBeforeItIsBelieved(t *testing.T) {
	for _, c := range []struct {
		length uint32
		ok     bool
	}{{0, false}, {9, false}, {10, true}, {FirstMaxFrame, true}, {FirstMaxFrame + 1, false}, {1<<32 - 1, false}} {
		in := NewInput(bytes.NewReader(binary.BigEndian.AppendUint32(nil, c.length)))
		_, err := in.Next()
		require.Error(t, err)
		if c.ok {
			require.Equal(t, io.ErrUnexpectedEOF, err, "%d is taken", c.length)
			continue
		}
		require.ErrorContains(t, err, "bad_frame", "%d is refused", c.length)
		require.Len(t, in.buf, inputSize, "nothing was allocated for it")
	}
}

func FuzzInput(f *testing.F) {
	for _, g := range goldenFrames {
		f.Add([]byte(g.wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in := NewInput(bytes.NewReader(b))
		taken := 0
		for {
			fr, err := in.Next()
			if err != nil {
				break
			}
			// What was taken is what would be written.
			wire := fr.append(nil)
			require.Equal(t, b[taken:taken+len(wire)], wire)
			taken += len(wire)
		}
		require.LessOrEqual(t, len(in.buf), lengthSize+FirstMaxFrame)
	})
}
