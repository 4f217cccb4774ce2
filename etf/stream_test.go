package etf_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

var packets = []etf.Packet{etf.Bare, etf.Packet1, etf.Packet2, etf.Packet4}

func TestStreamsCarryTermsHoweverTheyAreCut(t *testing.T) {
	for _, packet := range packets {
		var wire bytes.Buffer
		enc := etf.NewEncoder(&wire, packet)
		want := bothWays()
		var order []string
		for name, c := range want {
			order = append(order, name)
			require.NoError(t, enc.Encode(c.value))
		}
		for _, r := range []io.Reader{
			bytes.NewReader(wire.Bytes()), iotest.OneByteReader(bytes.NewReader(wire.Bytes())),
			iotest.DataErrReader(bytes.NewReader(wire.Bytes())),
		} {
			dec := etf.NewDecoder(r, packet)
			for _, name := range order {
				data, err := dec.Next()
				require.NoError(t, err)
				require.Equal(t, term(t, want[name].term), data, name)
			}
			require.Equal(t, io.EOF, dec.Decode(new(int)))
			require.Equal(t, io.EOF, dec.Decode(new(int)))
		}
	}
}

func TestStreamErrorsNameTheFrame(t *testing.T) {
	for _, packet := range packets {
		var wire bytes.Buffer
		enc := etf.NewEncoder(&wire, packet)
		require.NoError(t, enc.Encode(1))
		require.EqualError(t, enc.Encode(make(chan int)), "etf: frame 2: no coder for the Go type chan int: no term is like it")
		require.NoError(t, enc.Encode("abc"))
		require.NoError(t, enc.Encode(2))
		whole := wire.String()
		dec := etf.NewDecoder(strings.NewReader(whole[:len(whole)-1]), packet)
		n := 0
		require.NoError(t, dec.Decode(&n))
		require.EqualError(t, dec.Decode(&n), "etf: frame 2: at byte 1: binary where integer is wanted")
		err := dec.Decode(&n)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.EqualError(t, err, "etf: frame 3: unexpected EOF")
		require.Equal(t, err, dec.Decode(&n), "the stream has ended")
	}
}

func TestStreamsHaveLimits(t *testing.T) {
	var tooLarge *etf.LimitError
	for _, packet := range packets {
		var wire bytes.Buffer
		require.NoError(t, etf.NewEncoder(&wire, packet).Encode(strings.Repeat("x", 94))) // a term of 100 bytes
		for limit, fits := range map[int]bool{100: true, 99: false} {
			dec := etf.NewDecoder(bytes.NewReader(wire.Bytes()), packet)
			dec.Options.MaxBytes = limit
			err := dec.Decode(new(string))
			if fits {
				require.NoError(t, err)
				continue
			}
			require.ErrorAs(t, err, &tooLarge)
			require.EqualError(t, err, "etf: frame 1: limit MaxBytes is 99, got 100")
		}
	}
	for packet, most := range map[etf.Packet]int{etf.Packet1: 255, etf.Packet2: 65535} {
		enc := etf.NewEncoder(io.Discard, packet)
		require.NoError(t, enc.Encode(strings.Repeat("x", most-6)))
		require.ErrorAs(t, enc.Encode(strings.Repeat("x", most-5)), &tooLarge)
		require.Equal(t, most, tooLarge.Max)
	}
	// The length of a frame that never comes costs no memory.
	dec := etf.NewDecoder(strings.NewReader("\x00\xff\xff\xff"), etf.Packet4)
	require.ErrorIs(t, dec.Decode(new(int)), io.ErrUnexpectedEOF)
	dec = etf.NewDecoder(strings.NewReader("\xff\xff\xff\xff"), etf.Packet4)
	require.ErrorAs(t, dec.Decode(new(int)), &tooLarge)
}

func TestStreamsRefuseWhatIsNone(t *testing.T) {
	require.ErrorContains(t, etf.NewEncoder(io.Discard, 3).Encode(1), "lengths of 3 bytes")
	require.ErrorContains(t, etf.NewDecoder(strings.NewReader(""), -1).Decode(new(int)), "lengths of -1 bytes")
	require.EqualError(t, etf.NewDecoder(strings.NewReader("x"), etf.Bare).Decode(new(int)), "etf: frame 1: no version byte 131")
	require.EqualError(t, etf.NewDecoder(strings.NewReader("\x83\x00"), etf.Bare).Decode(new(int)), "etf: frame 1: unknown tag")
	broken := errors.New("broken")
	require.ErrorIs(t, etf.NewDecoder(iotest.ErrReader(broken), etf.Bare).Decode(new(int)), broken)
	require.ErrorIs(t, etf.NewEncoder(brokenWriter{broken}, etf.Bare).Encode(1), broken)
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestStreamsAllocateNothingOnceTheyRun(t *testing.T) {
	var wire bytes.Buffer
	enc, dec := etf.NewEncoder(&wire, etf.Packet4), etf.NewDecoder(&wire, etf.Packet4)
	dec.Options.Alias = true
	in, out := &inner{"x", 1}, &inner{}
	require.Zero(t, testing.AllocsPerRun(100, func() {
		require.NoError(t, enc.Encode(in))
		require.NoError(t, dec.Decode(out))
	}))
	require.Equal(t, in, out)
}

// shortWriter writes half of what it is to write once, and all from then on.
type shortWriter struct {
	bytes.Buffer
	err    error
	failed bool
}

func (w *shortWriter) Write(b []byte) (int, error) {
	if !w.failed {
		w.failed = true
		n, _ := w.Buffer.Write(b[:len(b)/2])
		return n, w.err
	}
	return w.Buffer.Write(b)
}

// A frame of which a part was written would have the next one in its middle.
func TestAnEncoderEndsWithAWriteThatFailed(t *testing.T) {
	broken := errors.New("broken")
	for writeErr, want := range map[error]error{broken: broken, nil: io.ErrShortWrite} {
		w := &shortWriter{err: writeErr}
		enc := etf.NewEncoder(w, etf.Packet4)
		require.EqualError(t, enc.Encode(make(chan int)), "etf: frame 1: no coder for the Go type chan int: no term is like it")
		err := enc.Encode("abcdef")
		require.ErrorIs(t, err, want)
		require.ErrorContains(t, err, "etf: frame 2: ")
		n := w.Len()
		require.Equal(t, err, enc.Encode("more"))
		require.Equal(t, n, w.Len())
	}
}

// lastReader gives its bytes and an error at once, and then says that there is no more.
type lastReader struct {
	data string
	err  error
}

func (r *lastReader) Read(b []byte) (int, error) {
	if r.err == nil {
		return 0, io.EOF
	}
	err := r.err
	r.err = nil
	return copy(b, r.data), err
}

func TestADecoderKeepsTheErrorThatCameWithBytes(t *testing.T) {
	broken := errors.New("broken")
	dec := etf.NewDecoder(&lastReader{"\x83a\x05", broken}, etf.Bare)
	n := 0
	require.NoError(t, dec.Decode(&n))
	require.Equal(t, 5, n)
	require.ErrorIs(t, dec.Decode(&n), broken)
}
