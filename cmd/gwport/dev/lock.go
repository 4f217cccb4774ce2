package dev

import (
	"errors"
	"os"
)

// errTaken says that another process has a lock.
var errTaken = errors.New("taken")

// lock is a folder that one process has, for as long as it lives. One that was killed leaves it to the next.
type lock struct {
	path   string
	folder *os.File
}

func takeLock(path string) (*lock, error) {
	for {
		if err := os.Mkdir(path, 0o777); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, err
		}
		folder, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // who had it has just removed it
		} else if err != nil {
			return nil, err
		}
		if err := lockFile(folder); err != nil {
			_ = folder.Close()
			return nil, err
		}
		if isAt(folder, path) {
			return &lock{path, folder}, nil
		}
		_ = folder.Close()
	}
}

// isAt says whether a folder that is open is still the one that has the name.
func isAt(folder *os.File, path string) bool {
	one, err := folder.Stat()
	if err != nil {
		return false
	}
	other, err := os.Stat(path)
	return err == nil && os.SameFile(one, other)
}

// release removes the folder before somebody else may have it.
func (l *lock) release() {
	_ = os.RemoveAll(l.path)
	_ = l.folder.Close()
}
