//go:build !linux && !darwin && !freebsd

package bridge

import (
	"errors"
	"io"
	"os"
	"runtime"
)

func takeProcess(string) (io.ReadCloser, io.WriteCloser, error) {
	return nil, nil, errors.New("bridge: port programs are not supported on " + runtime.GOOS)
}

func die() { os.Exit(1) }
