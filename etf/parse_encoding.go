package etf

import (
	"regexp"
	"strings"
)

// coding finds what a comment says of a file's encoding.
var coding = regexp.MustCompile(`coding\s*[:=]\s*(?i:(latin-1|utf-8))`)

// isLatin1File tells whether what stands behind a % in the first two lines says
// that a file is in Latin-1.
func isLatin1File(s string) bool {
	for range 2 {
		line, rest, _ := strings.Cut(s, "\n")
		if _, comment, ok := strings.Cut(line, "%"); ok {
			if m := coding.FindStringSubmatch(comment); m != nil {
				return strings.EqualFold(m[1], "latin-1")
			}
		}
		s = rest
	}
	return false
}
