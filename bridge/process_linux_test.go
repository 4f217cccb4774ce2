package bridge

import (
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A pipe that was widened holds pipeSize bytes, and not one more, while nobody
// reads; a file is left alone.
func TestAWidenedPipeHoldsPipeSize(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close() //nolint:errcheck // of a test
	defer w.Close() //nolint:errcheck // of a test
	fd := int(w.Fd())
	widen(fd)
	require.NoError(t, syscall.SetNonblock(fd, true))
	n, err := syscall.Write(fd, make([]byte, pipeSize))
	require.NoError(t, err)
	require.Equal(t, pipeSize, n)
	_, err = syscall.Write(fd, []byte{0})
	require.ErrorIs(t, err, syscall.EAGAIN)

	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer f.Close() //nolint:errcheck // of a test
	widen(int(f.Fd()))
	_, err = f.Write([]byte("as before"))
	require.NoError(t, err)
}

// What the other end of a pipe has not read is known, until it has.
func TestAPipeTellsWhetherItWasRead(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close() //nolint:errcheck // of a test
	defer w.Close() //nolint:errcheck // of a test
	out := outPipe{w}
	require.True(t, out.Taken())
	_, err = out.Write([]byte("frame"))
	require.NoError(t, err)
	require.False(t, out.Taken())
	_, err = io.ReadFull(r, make([]byte, 4))
	require.NoError(t, err)
	require.False(t, out.Taken())
	_, err = io.ReadFull(r, make([]byte, 1))
	require.NoError(t, err)
	require.True(t, out.Taken())
}
