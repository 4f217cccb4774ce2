package main

import (
	"fmt"
	"slices"
	"strings"
)

// echoed is a case whose frames come back as they are, and the orderly end.
func echoed(id, about string, chop int, frames ...frame) testCase {
	return testCase{id: id, about: about, chop: chop, frames: frames, strict: echoes(frames...), closing: orderly}
}

// refusing is a case whose last frames are refused, behind events of which the server may send none: it may have
// looked at all frames before it answered the first.
func refusing(id, about string, chop int, before []event, frames ...frame) testCase {
	t := testCase{id: id, about: about, chop: chop, frames: frames, strict: before, closing: refused}
	if len(before) > 0 {
		t.loose = [][]event{nil}
	}
	return t
}

func framing() []testCase {
	var cases []testCase
	for section, opcode := range []byte{opText, opBinary} {
		for i, size := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
			chop := 0
			if i == 7 {
				chop = 997
			}
			cases = append(cases, echoed(fmt.Sprintf("1.%d.%d", section+1, i+1),
				fmt.Sprintf("a message of %d octets, in chops of %d", size, chop), chop, newFrame(opcode, filler(size))))
		}
	}
	return cases
}

// filler is text of a size.
func filler(size int) string { return strings.Repeat("0123456789abcdef", size/16+1)[:size] }

func pings() []testCase {
	numbered := make([]frame, 10)
	for i := range numbered {
		numbered[i] = ping(fmt.Sprintf("ping %d", i))
	}
	return []testCase{
		echoed("2.1", "a ping without payload", 0, ping("")),
		echoed("2.2", "a ping with text", 0, ping("are you there")),
		echoed("2.3", "a ping with octets that are no text", 0, ping("\x00\xff\xfe\xfd\xfc\xfb\x00\xff")),
		echoed("2.4", "a ping of 125 octets", 0, ping(strings.Repeat("\xfe", 125))),
		refusing("2.5", "a ping of 126 octets", 0, nil, ping(strings.Repeat("\xfe", 126))),
		echoed("2.6", "a ping of 125 octets, octet by octet", 1, ping(strings.Repeat("\xfe", 125))),
		echoed("2.7", "a pong that nobody asked for", 0).sends(pong("")),
		echoed("2.8", "the same with payload", 0).sends(pong("unasked")),
		echoed("2.9", "a pong that nobody asked for, and a ping", 0, ping("and you")).sends(pong("unasked"), ping("and you")),
		echoed("2.10", "ten pings", 0, numbered...),
		echoed("2.11", "ten pings, octet by octet", 1, numbered...),
	}
}

// sends changes the frames, and leaves what is expected.
func (t testCase) sends(frames ...frame) testCase {
	t.frames = frames
	return t
}

var (
	hello = text("Hello, world!")
	echo  = echoes(hello)
)

func reservedBits() []testCase {
	return []testCase{
		refusing("3.1", "text with reserved bits 1", 0, nil, hello.bits(1)),
		refusing("3.2", "text, the same with reserved bits 2, a ping", 0, echo, hello, hello.bits(2), ping("")),
		refusing("3.3", "text, the same with reserved bits 3, a ping, frame by frame", -1, echo, hello, hello.bits(3), ping("")),
		refusing("3.4", "text, the same with reserved bits 4, a ping, octet by octet", 1, echo, hello, hello.bits(4), ping("")),
		refusing("3.5", "a binary message with reserved bits 5", 0, nil, binaryOf("\x00\xff\xfe").bits(5)),
		refusing("3.6", "a ping with reserved bits 6", 0, nil, ping("bits").bits(6)),
		refusing("3.7", "a close with reserved bits 7", 0, nil, closeOf(normal, "").bits(7)),
	}
}

func opcodes() []testCase {
	var cases []testCase
	for section, first := range []byte{3, 11} {
		for i := range byte(5) {
			id, odd := fmt.Sprintf("4.%d.%d", section+1, i+1), newFrame(first+i, "")
			about := fmt.Sprintf("reserved opcode %d", first+i)
			if i == 1 || i > 2 {
				odd.payload = []byte("reserved payload")
				about += " with payload"
			}
			chop := 0
			if i == 4 {
				chop, about = 1, about+", octet by octet"
			}
			if i < 2 {
				cases = append(cases, refusing(id, about, chop, nil, odd))
				continue
			}
			cases = append(cases, refusing(id, "text, "+about+", a ping", chop, echo, hello, odd, ping("")))
		}
	}
	return cases
}

func fragmentation() []testCase {
	one, two, three := text("fragment1").begins(), next("fragment2"), next("fragment3")
	whole := []event{{sawText, "fragment1fragment2"}}
	ponged := append(echoes(ping("between")), whole...)
	stray := next("nothing to continue")
	again := func(first frame) []frame {
		return slices.Repeat([]frame{first, text("fragment2").begins(), three}, 2)
	}
	cases := []testCase{
		refusing("5.1", "a ping in two fragments", 0, nil, ping("fragment1").begins(), two),
		refusing("5.2", "a pong in two fragments", 0, nil, pong("fragment1").begins(), two),
	}
	comesBack := func(strict []event, frames ...frame) func(chop int) testCase {
		return func(chop int) testCase { return testCase{chop: chop, frames: frames, strict: strict, closing: orderly} }
	}
	isRefused := func(first frame) func(chop int) testCase {
		return func(chop int) testCase { return refusing("", "", chop, nil, first, hello) }
	}
	cases = append(cases, threeWays(3, "text in two fragments", comesBack(whole, one, two))...)
	cases = append(cases, threeWays(6, "text in two fragments, a ping between", comesBack(ponged, one, ping("between"), two))...)
	cases = append(cases, threeWays(9, "a last fragment of no message, and text", isRefused(stray))...)
	cases = append(cases, threeWays(12, "a fragment of no message that goes on, and text", isRefused(stray.begins()))...)
	return append(
		cases,
		refusing("5.15", "text in two fragments, a fragment of no message that goes on, and text", 0, whole, one, two, three.begins(), text("fragment4")),
		refusing("5.16", "twice: a fragment of no message that goes on, and text in two fragments", 0, nil, again(next("fragment1").begins())...),
		refusing("5.17", "twice: a last fragment of no message, and text in two fragments", 0, nil, again(next("fragment1"))...),
		refusing("5.18", "text in two fragments, the second of which says text again", 0, nil, one, text("fragment2")),
		pingsBetween("5.19", 0),
		pingsBetween("5.20", -1),
	)
}

// threeWays are three cases that differ in how they are chopped.
func threeWays(first int, about string, one func(chop int) testCase) []testCase {
	var cases []testCase
	for i, chop := range []int{0, -1, 1} {
		t := one(chop)
		t.id, t.about = fmt.Sprintf("5.%d", first+i), about+chops(chop)
		cases = append(cases, t)
	}
	return cases
}

func chops(chop int) string {
	return map[int]string{0: "", -1: ", frame by frame", 1: ", octet by octet"}[chop]
}

// pingsBetween waits for the first pong before the message goes on: the suite waits for a second.
func pingsBetween(id string, chop int) testCase {
	return testCase{
		id: id, about: "text in five fragments, with a ping behind the second, whose pong must come before the rest, and one behind the fourth" + chops(chop),
		closing: orderly,
		strict:  append(echoes(ping("one"), ping("two")), event{sawText, "fragment1fragment2fragment3fragment4fragment5"}),
		play: func(s *session) string {
			s.sendAll([]frame{text("fragment1").begins(), next("fragment2").begins(), ping("one")}, chop)
			s.take()
			s.sendAll([]frame{next("fragment3").begins(), next("fragment4").begins(), ping("two"), next("fragment5")}, chop)
			return ""
		},
	}
}

// sendersFragments is for senders that split messages by themselves.
func sendersFragments() testCase {
	return testCase{
		id: "10.1.1", about: "text of 65536 octets in frames of 1300", closing: orderly,
		frames: split(text(filler(65536)), 1300), strict: echoes(text(filler(65536))),
	}
}

// split is a message in frames of a size. Only the first has its reserved bits.
func split(f frame, size int) []frame {
	if size == 0 || len(f.payload) <= size {
		return []frame{f}
	}
	var frames []frame
	for piece := range slices.Chunk(f.payload, size) {
		frames = append(frames, next(piece).begins())
	}
	frames[0].opcode, frames[0].reserved = f.opcode, f.reserved
	frames[len(frames)-1].more = false
	return frames
}
