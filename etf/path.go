package etf

import (
	"slices"
	"strings"
)

// mostSteps is how many steps a path shows: a value that holds itself has 65536.
const mostSteps = 32

// joinPath makes a path of its steps, of which the last comes first.
func joinPath(steps []string) string {
	slices.Reverse(steps)
	if len(steps) <= mostSteps {
		return joinSteps(steps)
	}
	return joinSteps(steps[:mostSteps/2]) + " ... " + joinSteps(steps[len(steps)-mostSteps/2:])
}

// joinSteps joins indices, keys and fields; the dot of a field stands between steps only.
func joinSteps(steps []string) string {
	return strings.TrimPrefix(strings.Join(steps, ""), ".")
}
