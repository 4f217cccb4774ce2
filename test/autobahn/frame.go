package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The opcodes of RFC 6455, section 5.2. The others are reserved.
const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

// A frame is one as it is on the wire, whether anybody may send it or not.
type frame struct {
	opcode   byte
	reserved byte // three bits
	more     bool // the FIN bit is not set
	payload  []byte
}

func newFrame[T string | []byte](opcode byte, payload T) frame {
	return frame{opcode: opcode, payload: []byte(payload)}
}

func text[T string | []byte](payload T) frame     { return newFrame(opText, payload) }
func binaryOf[T string | []byte](payload T) frame { return newFrame(opBinary, payload) }
func next[T string | []byte](payload T) frame     { return newFrame(opContinuation, payload) }
func ping[T string | []byte](payload T) frame     { return newFrame(opPing, payload) }
func pong[T string | []byte](payload T) frame     { return newFrame(opPong, payload) }

// closeOf is a close frame with a code and a reason.
func closeOf(code int, reason string) frame {
	return newFrame(opClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

// begins is the frame as one behind which its message goes on.
func (f frame) begins() frame {
	f.more = true
	return f
}

func (f frame) bits(reserved byte) frame {
	f.reserved = reserved
	return f
}

// mask is what a client has to hide its payloads by. Hidden from nobody, it need not be drawn.
var mask = [4]byte{0xa5, 0x3c, 0x96, 0x0f}

// append writes the frame behind what is there, as clients have to.
func (f frame) append(to []byte) []byte {
	first := f.opcode | f.reserved<<4
	if !f.more {
		first |= 0x80
	}
	to = append(to, first)
	switch n := len(f.payload); {
	case n <= 125:
		to = append(to, 0x80|byte(n))
	case n <= 0xffff:
		to = binary.BigEndian.AppendUint16(append(to, 0x80|126), uint16(n))
	default:
		to = binary.BigEndian.AppendUint64(append(to, 0x80|127), uint64(n))
	}
	to = append(to, mask[:]...)
	from := len(to)
	to = append(to, f.payload...)
	for i := range to[from:] {
		to[from+i] ^= mask[i%4]
	}
	return to
}

// largestFrame is more than any case has echoed.
const largestFrame = 64 << 20

var errFrame = errors.New("autobahn: the server has sent a frame that no server may send")

// readFrame reads one of the server's. An error that is an errFrame says what is wrong with it.
func readFrame(r *bufio.Reader) (frame, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{opcode: head[0] & 15, reserved: head[0] >> 4 & 7, more: head[0]&0x80 == 0}
	if head[1]&0x80 != 0 {
		return f, fmt.Errorf("%w: it is masked", errFrame)
	}
	size, err := readSize(r, head[1])
	if err != nil {
		return f, err
	}
	if f.opcode >= opClose && (f.more || size > 125) {
		return f, fmt.Errorf("%w: a control frame of %d bytes, to be continued: %t", errFrame, size, f.more)
	}
	f.payload = make([]byte, size)
	_, err = io.ReadFull(r, f.payload)
	return f, err
}

func readSize(r *bufio.Reader, short byte) (uint64, error) {
	var field [8]byte
	least := uint64(0)
	size := uint64(short)
	switch short {
	case 126:
		if _, err := io.ReadFull(r, field[6:]); err != nil {
			return 0, err
		}
		size, least = binary.BigEndian.Uint64(field[:]), 126
	case 127:
		if _, err := io.ReadFull(r, field[:]); err != nil {
			return 0, err
		}
		size, least = binary.BigEndian.Uint64(field[:]), 0x10000
	}
	if size < least || size > largestFrame {
		return 0, fmt.Errorf("%w: a length of %d after %d", errFrame, size, short)
	}
	return size, nil
}
