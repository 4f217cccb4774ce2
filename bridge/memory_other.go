//go:build !linux

package bridge

import (
	"errors"
	"os"

	"github.com/gwport/gwport/bridge/internal/wire"
)

func newMemoryFile() (*os.File, error) { return nil, errors.ErrUnsupported }

func identifyMemory(*os.File, *wire.File) bool { return false }
