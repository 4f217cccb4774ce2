package main

import (
	"fmt"
	"strings"
)

func closings() []testCase {
	end := closeOf(normal, "")
	cases := []testCase{
		echoed("7.1.1", "text, and a close", 0, hello),
		ending("7.1.2", "two closes", answered, end, newFrame(opClose, "")),
		ending("7.1.3", "a close, and a ping", answered, end, ping("")),
		ending("7.1.4", "a close, and text", answered, end, hello),
		ending("7.1.5", "a fragment, a close, and another fragment", answered, text("fragment1").begins(), end, next("fragment2")),
		ending("7.1.6", "256 KiB of text, text, a close, and a ping", closing{byUs: true, sent: true, undefined: true},
			text(filler(256<<10)), hello, end, ping("")),
		ending("7.3.1", "a close without a code", answered, newFrame(opClose, "")),
		ending("7.3.2", "a close of one octet", refusedClose, newFrame(opClose, "a")),
		ending("7.3.3", "a close with a code", answered, end),
		ending("7.3.4", "a close with a reason", answered, closeOf(normal, "because")),
		ending("7.3.5", "a close of 125 octets", answered, closeOf(normal, strings.Repeat("*", 123))),
		ending("7.3.6", "a close of 126 octets", refusedClose, closeOf(normal, strings.Repeat("*", 124))),
		ending("7.5.1", "a close whose reason is not UTF-8",
			closing{byUs: true, sent: true, codes: []int{protocol, payload}}, closeOf(normal, surrogate)),
	}
	for i, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		cases = append(cases, ending(fmt.Sprintf("7.7.%d", i+1), fmt.Sprintf("a close with code %d", code),
			closing{byUs: true, sent: true, codes: []int{normal, code}, clean: true}, closeOf(code, "")))
	}
	for i, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		cases = append(cases, ending(fmt.Sprintf("7.9.%d", i+1), fmt.Sprintf("a close with code %d, which nobody may send", code),
			refusedClose, closeOf(code, "")))
	}
	for i, code := range []int{5000, 65535} {
		cases = append(cases, ending(fmt.Sprintf("7.13.%d", i+1), fmt.Sprintf("a close with code %d, of which nothing is said", code),
			closing{byUs: true, sent: true, undefined: true}, closeOf(code, "")))
	}
	return cases
}

// ending is a case with the close among its frames, behind which nothing comes.
func ending(id, about string, end closing, frames ...frame) testCase {
	return testCase{id: id, about: about, frames: frames, closing: end}
}
