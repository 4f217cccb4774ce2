package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

const (
	// recent is how much of what was said one hears who comes for the first time.
	recent = 32 << 10
	// piece is how much is read at once. No line is as long.
	piece = 64 << 10
)

var errFull = errors.New("this room is full")

// message is what was said, as it is in the file, a line each.
type message struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Text string `json:"text"`
	Time string `json:"time"`
	At   int64  `json:"at,omitempty"` // the place in the file behind it, which is not in the file
}

// room is its file. This program's members are woken when it has appended; what others append is looked for.
type room struct {
	file *os.File
	most int64

	mu      sync.Mutex
	changed chan struct{} // closed, and another one made, when this program has appended
}

func openRoom(folder, name string, l limits) (*room, error) {
	path := filepath.Join(folder, name+".jsonl")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		there, err := os.ReadDir(folder)
		if err != nil {
			return nil, fmt.Errorf("chat: %w", err)
		}
		if len(there) >= l.rooms {
			return nil, errRooms
		}
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("chat: %w", err)
	}
	return &room{file: file, most: l.room, changed: make(chan struct{})}, nil
}

// say appends a line, in one write: the system does not mix those of several programs. It begins with a line break too,
// so that half a line, of a full disk, costs no line but itself.
func (r *room) say(m message) error {
	line, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	line = append(append([]byte{'\n'}, line...), '\n')
	r.mu.Lock()
	defer r.mu.Unlock()
	if size, err := r.size(); err != nil {
		return err
	} else if size+int64(len(line)) > r.most {
		return errFull
	}
	// What lacks nothing but its line break gets that from the next one, and so will be heard.
	if n, err := r.file.Write(line); err != nil && n < len(line)-1 {
		return fmt.Errorf("chat: %w", err)
	}
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

// news is closed when this program has said something since.
func (r *room) news() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changed
}

func (r *room) size() (int64, error) {
	info, err := r.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("chat: %w", err)
	}
	return info.Size(), nil
}

// start is where one begins to read who has read up to a place, or to none (-1). A place behind the end is of a file
// that is not there any more.
func (r *room) start(from int64) int64 {
	size, err := r.size()
	switch {
	case err != nil || from > size:
		return 0
	case from < 0:
		return max(0, size-recent)
	}
	return from
}

// read gives what stands behind a place, up to a piece, and the place behind that. It passes over what is no message:
// half a line, and empty ones.
func (r *room) read(at int64) ([]message, int64, error) {
	buf := make([]byte, piece)
	n, err := r.file.ReadAt(buf, at)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, at, fmt.Errorf("chat: %w", err)
	}
	whole := bytes.LastIndexByte(buf[:n], '\n') + 1 // the rest is being written
	if whole == 0 && n == piece {
		return nil, at + piece, nil // not ours
	}
	var messages []message
	for line := range bytes.Lines(buf[:whole]) {
		at += int64(len(line))
		var m message
		if json.Unmarshal(line, &m) == nil && m.ID != "" {
			m.At = at
			messages = append(messages, m)
		}
	}
	return messages, at, nil
}
