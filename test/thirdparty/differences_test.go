package thirdparty

// A missing is a note that is not net/http's until gwport has something that it lacks today, which README's Limits name.
type missing struct{ app, note, what string }

// notYet are all the differences there are, with both mounts. One that is gone fails its case, so that the list cannot
// outlive it.
var notYet = []missing{}

// whatIsMissing is empty for what must be the same.
func whatIsMissing(app, note string) string {
	for _, m := range notYet {
		if m.app == app && m.note == note {
			return m.what
		}
	}
	return ""
}
