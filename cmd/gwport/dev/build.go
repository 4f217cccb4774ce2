package dev

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gwport/gwport/cmd/gwport/command"
)

// maxOutput is how much of what the compiler says is kept.
const maxOutput = 64 << 10

// builder builds a program beside its file, and moves it there.
type builder struct {
	*project
	output string // the program's file
	folder *lock  // beside it, for what is not ready yet
}

func newBuilder(p *project, file string) (*builder, error) {
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return nil, command.Mistakef("%s is to be in %s, which is no folder", filepath.Base(file), filepath.Dir(file))
	}
	// The same file has one name, by whichever links it was reached.
	dir, err := filepath.EvalSymlinks(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	file = filepath.Join(dir, filepath.Base(file))
	folder, err := takeLock(filepath.Join(dir, "."+filepath.Base(file)+".gwport-dev"))
	if errors.Is(err, errTaken) {
		return nil, command.Mistakef("another gwport dev builds %s", file)
	} else if err != nil {
		return nil, err
	}
	return &builder{project: p, output: file, folder: folder}, nil
}

func (b *builder) close() { b.folder.release() }

// result is what has come of a build.
type result struct {
	took   time.Duration
	output string // of the compiler; what is not "" has failed
	isNew  bool   // a good program other than that before
}

// build returns when the program is in its place, or cannot be.
func (b *builder) build(ctx context.Context) result {
	began := time.Now()
	file := filepath.Join(b.folder.path, filepath.Base(b.output))
	args := append([]string{"build", "-o", file}, b.flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, ".")...)
	cmd.Dir = b.dir
	var said head
	cmd.Stdout, cmd.Stderr = &said, &said
	inGroup(cmd)
	cmd.Env = append(cmd.Environ(), "GOTMPDIR="+b.folder.path) // what a go that is killed leaves behind is removed with the rest
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	r := result{took: time.Since(began)}
	switch {
	case err != nil:
		r.output = said.String()
		if len(bytes.TrimSpace(said.kept)) == 0 {
			r.output = fmt.Sprintf("go build: %v", err)
		}
	default:
		if r.isNew, err = b.place(file); err != nil {
			r.output = err.Error()
		}
	}
	return r
}

// place moves a new program over the one that there is. Who runs that keeps it: its file is not written to.
func (b *builder) place(file string) (isNew bool, err error) {
	same, err := areSame(file, b.output)
	if err != nil || same {
		return false, err
	}
	return true, os.Rename(file, b.output)
}

// areSame compares the bytes of two files, the second of which need not be there.
func areSame(one, other string) (bool, error) {
	a, err := os.Open(one)
	if err != nil {
		return false, err
	}
	defer a.Close()
	b, err := os.Open(other)
	if err != nil {
		return false, ignore(err, os.ErrNotExist)
	}
	defer b.Close()
	const piece = 256 << 10
	for left, right := make([]byte, piece), make([]byte, piece); ; {
		n, err := io.ReadFull(a, left)
		m, _ := io.ReadFull(b, right)
		switch {
		case !bytes.Equal(left[:n], right[:m]):
			return false, nil
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return true, nil
		case err != nil:
			return false, err
		}
	}
}

func ignore(err, harmless error) error {
	if errors.Is(err, harmless) {
		return nil
	}
	return err
}

// head keeps the first bytes that are written to it.
type head struct {
	kept []byte
	more int
}

func (h *head) Write(b []byte) (int, error) {
	n := min(len(b), maxOutput-len(h.kept))
	h.kept = append(h.kept, b[:n]...)
	h.more += len(b) - n
	return len(b), nil
}

func (h *head) String() string {
	if h.more == 0 {
		return string(h.kept)
	}
	return fmt.Sprintf("%s\n(and %d bytes more)", bytes.TrimRight(h.kept, "\n"), h.more)
}

func exeSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
