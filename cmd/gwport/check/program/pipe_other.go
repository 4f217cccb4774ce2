//go:build !linux

package program

import "os"

// pipeSize is how much a pipe holds.
func pipeSize(*os.File) int64 { return defaultPipe }
