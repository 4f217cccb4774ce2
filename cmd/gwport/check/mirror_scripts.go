package check

import "slices"

// hostScripts are the scripts, in the order of SPEC.md. It is a function because
// the scripts play the mirror, and the mirror looks into it.
func hostScripts() []hostScript {
	return slices.Concat(frameScripts(), payloadScripts(), greetingScripts(), requestScripts(),
		orderScripts(), abortScripts(), creditScripts(), portScripts())
}

// noAnswer stands in a record where there was no status.
const noAnswer = 0

// The statuses that say what went wrong (README.md).
var (
	anyFailure = []int{500, 502, 503, 504}
	badGateway = []int{502}
	notEntered = []int{503}
	fine       = []int{200}
)

// waiting is an upload of which half is held back until there is a response: both
// halves are open all the while.
func waiting(status ...int) ask {
	return ask{method: "POST", body: 1000, framing: "chunked", client: "waits", status: status}
}

// ending is an ask by which the port ends.
func ending(status ...int) ask { return ask{ends: true, status: status} }

// cut is the ask with broken set: the response has begun, and is not whole.
func (a ask) cut() ask {
	a.status, a.broken = fine, true
	return a
}

// unanswered is the ask whose client gets no answer: its connection or stream ends.
func (a ask) unanswered() ask {
	a.status, a.broken = []int{noAnswer}, true
	return a
}
