package main

import (
	"fmt"
	"strings"
)

// limits have each section twice: for text, and for binary messages.
func limits(messages int) []testCase {
	var cases []testCase
	section := func(number int, about string, sizes []int, one func(f func(size int) frame, size int) testCase) {
		for kind, opcode := range []byte{opText, opBinary} {
			for i, size := range sizes {
				t := one(func(size int) frame { return newFrame(opcode, filler(size)) }, size)
				t.id, t.closing, t.heavy = fmt.Sprintf("9.%d.%d", number+kind, i+1), orderly, true
				t.about = fmt.Sprintf(about, []string{"text", "a binary message"}[kind], size)
				cases = append(cases, t)
			}
		}
	}
	section(1, "%s of %d octets", []int{64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20},
		func(f func(int) frame, size int) testCase {
			return testCase{play: func(s *session) string { return s.exchange([]frame{f(size)}, 0, 1) }}
		})
	section(3, "%s of 4 MiB in frames of %d octets", []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20},
		func(f func(int) frame, size int) testCase {
			return testCase{play: func(s *session) string { return s.exchange(split(f(4<<20), size), 0, 1) }}
		})
	section(5, "%s of 1 MiB in chops of %d octets", []int{64, 128, 256, 512, 1024, 2048},
		func(f func(int) frame, size int) testCase {
			return testCase{play: func(s *session) string { return s.exchange([]frame{f(1 << 20)}, size, 1) }}
		})
	section(7, "%s of %d octets, again and again, one behind the other's echo", []int{0, 16, 64, 256, 1024, 4096},
		func(f func(int) frame, size int) testCase {
			return testCase{play: func(s *session) string { return s.exchange([]frame{f(size)}, 0, messages) }}
		})
	return cases
}

// exchange sends a message some times, each when the one before has come back.
func (s *session) exchange(frames []frame, chop, times int) string {
	var whole strings.Builder
	for _, f := range frames {
		whole.Write(f.payload)
	}
	want := event{map[byte]string{opText: sawText, opBinary: sawBinary}[frames[0].opcode], whole.String()}
	for i := range times {
		s.sendAll(frames, chop)
		if why := s.comesBack(want); why != "" {
			return fmt.Sprintf("message %d of %d: %s", i+1, times, why)
		}
	}
	return ""
}

// comesBack takes the next event, and says why it is not the one that is wanted.
func (s *session) comesBack(want event) string {
	got, ok := s.take()
	s.got = nil
	switch {
	case !ok:
		return fmt.Sprintf("the connection has ended: code %d, %v", s.code, s.end)
	case got.what != want.what || len(got.data) != len(want.data):
		return fmt.Sprintf("%s of %d octets came, not %s of %d", got.what, len(got.data), want.what, len(want.data))
	case got.data != want.data:
		return "other octets came back"
	default:
		return ""
	}
}
