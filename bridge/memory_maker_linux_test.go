package bridge

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAFileInMemoryCannotBeExecuted(t *testing.T) {
	f, err := newMemoryFile()
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	info, err := f.Stat()
	require.NoError(t, err)
	if !memoryFiles.old.Load() { // Linux 6.3 and later
		require.Zero(t, info.Mode().Perm()&0o111)
	}
}

// Systems of which only one kind is here: each says what it makes of the flags.
func TestASystemIsAskedOnceForWhatItDoesNotHave(t *testing.T) {
	for name, c := range map[string]struct {
		answers []syscall.Errno // one for each call; the last for all others
		calls   int             // for two files
		err     syscall.Errno
	}{
		"it knows the flag":         {[]syscall.Errno{0}, 2, 0},
		"it does not":               {[]syscall.Errno{syscall.EINVAL, 0}, 3, 0},
		"it has no such files":      {[]syscall.Errno{syscall.ENOSYS}, 1, syscall.ENOSYS},
		"they are forbidden":        {[]syscall.Errno{syscall.EACCES}, 1, syscall.EACCES},
		"there is no descriptor":    {[]syscall.Errno{syscall.EMFILE}, 2, syscall.EMFILE},
		"it takes flags of no kind": {[]syscall.Errno{syscall.EINVAL}, 2, syscall.EINVAL},
	} {
		t.Run(name, func(t *testing.T) {
			var m memoryMaker
			calls := 0
			for range 2 {
				_, errno := m.create(func(uintptr) (uintptr, syscall.Errno) {
					calls++
					return 0, c.answers[min(calls, len(c.answers))-1]
				})
				require.Equal(t, c.err, errno)
			}
			require.Equal(t, c.calls, calls)
		})
	}
}
