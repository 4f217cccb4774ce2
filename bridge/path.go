package bridge

import "strings"

// splitPath cuts a path, as it was received, in two: SCRIPT_NAME and PATH_INFO,
// which has the last infos segments (SPEC.md [E1]).
func splitPath(path string, infos int) paths {
	if !strings.HasPrefix(path, "/") {
		return paths{info: path, rawInfo: path}
	}
	segments, slash := resolve(path)
	at := max(len(segments)-infos, 0)
	var p paths
	for i, s := range segments {
		if i < at {
			p.script += "/" + s.decoded
			p.rawScript += "/" + s.raw
		} else {
			p.info += "/" + s.decoded
			p.rawInfo += "/" + s.raw
		}
	}
	if slash {
		p.info += "/"
		p.rawInfo += "/"
	}
	return p
}

// paths are the two parts of a path, decoded and not.
type paths struct {
	script, info       string
	rawScript, rawInfo string
}

type segment struct{ raw, decoded string }

// resolve cuts a path into segments, and takes away those that are dots. slash
// tells whether the path ends with one, or would if its last dots were resolved.
func resolve(path string) (segments []segment, slash bool) {
	pieces := strings.Split(path[1:], "/")
	segments = make([]segment, 0, len(pieces))
	for i, raw := range pieces {
		last := i == len(pieces)-1
		s := segment{raw, percentDecode(raw)}
		switch {
		case s.decoded == ".":
			slash = last
		case s.decoded == "..":
			segments = segments[:max(len(segments)-1, 0)]
			slash = last
		case raw == "" && last:
			slash = true
		default:
			segments = append(segments, s)
		}
	}
	return segments, slash
}

// percentDecode decodes %XX. What is not of that form stays as it is: an environ
// is made of every request, also of one that no handler would be given.
func percentDecode(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
			if hi >= 0 && lo >= 0 {
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
