package apps

import (
	"fmt"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestLines_is_a_good_reader_and_seeker(t *testing.T) {
	var want []byte
	for i := range 40 {
		want = fmt.Appendf(want, "%015d\n", i)
	}
	for _, size := range []int{0, 1, 15, 16, 17, 639, 640} {
		require.NoError(t, iotest.TestReader(newLines(int64(size)), want[:size]), size)
	}
}

func TestLines_counts_over_a_carry(t *testing.T) {
	l := newLines(maxBig)
	_, err := l.Seek(99_999*lineLen, io.SeekStart)
	require.NoError(t, err)
	require.Equal(t, "000000000099999\n000000000100000\n", readN(t, l, 32))
}

func TestLines_seeks_from_everywhere_but_before_the_start(t *testing.T) {
	l := newLines(100)
	for _, c := range []struct {
		offset int64
		whence int
		want   int64
	}{{10, io.SeekStart, 10}, {-3, io.SeekCurrent, 7}, {-1, io.SeekEnd, 99}, {5, io.SeekEnd, 105}} {
		got, err := l.Seek(c.offset, c.whence)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	_, err := l.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)
	_, err = l.Seek(-101, io.SeekEnd)
	require.Error(t, err)
}

func BenchmarkLines(b *testing.B) {
	buf := make([]byte, 32<<10)
	b.SetBytes(int64(len(buf)))
	for l := newLines(1 << 62); b.Loop(); {
		_, _ = l.Read(buf)
	}
}
