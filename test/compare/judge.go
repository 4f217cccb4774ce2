package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gwport/gwport/test/compare/cases"
)

// A verdict is what became of a case on one transport and mount.
type verdict struct {
	theme, name, transport, mount string
	kind                          string // pass, forced, chosen, not yet, fail
	differs                       []difference
	why                           []string // of a failure
	bare                          facts    // what bare Cowboy does there
}

const (
	passed = "pass"
	failed = "fail"
)

// A listed row and the list it is of.
type listed struct {
	list string
	cases.Row
}

// rows finds what is said of a case. Two rows for one place are a fault of the lists.
type rows map[string][]listed

func rowsOf(themes []cases.Theme) rows {
	all := make(rows)
	for _, t := range themes {
		for _, l := range []struct {
			name string
			rows []cases.Row
		}{{"forced", t.Forced}, {"chosen", t.Chosen}, {"not yet", t.NotYet}} {
			for _, r := range l.rows {
				name := t.Name + "/" + r.Case
				all[name] = append(all[name], listed{l.name, r})
			}
		}
	}
	return all
}

func (r rows) find(name, transport, mount string) *listed {
	for i, row := range r[name] {
		if (row.On == nil || slices.Contains(row.On, transport)) && slices.Contains(row.Mounts, mount) {
			return &r[name][i]
		}
	}
	return nil
}

// judge compares with what the lists say. control is what bare Cowboy did, for a forced row.
func judge(v verdict, row *listed, want, got facts, control func() facts) verdict {
	v.differs = diff(want, got)
	switch {
	case row == nil && len(v.differs) == 0:
		v.kind = passed
	case row == nil:
		v.fail("differs from net/http")
		v.bare = control()
	case len(v.differs) == 0:
		v.fail("passes now: the row that says otherwise (" + row.list + ") must go")
	default:
		v.kind = row.list
		v.outcome(row.Differs)
		switch {
		case row.list == "forced" && row.Clause == "":
			v.control(row.Differs, diff(want, control()))
		case row.NetHTTP != nil:
			v.against(row.NetHTTP)
		}
	}
	return v
}

func (v *verdict) fail(why string) {
	v.kind = failed
	v.why = append(v.why, why)
}

// outcome asserts what the row says, which is all that differs.
func (v *verdict) outcome(said map[string]string) {
	got := make(map[string]string)
	for _, d := range v.differs {
		got[d.name] = d.got
	}
	if !maps.Equal(got, said) {
		v.fail(fmt.Sprintf("the outcome is not the row's: %q", said))
	}
}

// control: what differs must differ under bare Cowboy too. A handler of Cowboy's that did not come to its end has seen
// otherwise than one that did.
func (v *verdict) control(said map[string]string, shown []difference) {
	differs := func(name string) bool {
		return slices.ContainsFunc(shown, func(d difference) bool { return d.name == name })
	}
	for name := range said {
		if !differs(name) && !(strings.HasPrefix(name, "saw.") && differs("handler")) {
			v.fail("bare Cowboy does not differ from net/http in " + name)
		}
	}
}

// against asserts what net/http does.
func (v *verdict) against(said map[string]string) {
	want := make(map[string]string)
	for _, d := range v.differs {
		want[d.name] = d.want
	}
	if !maps.Equal(want, said) {
		v.fail(fmt.Sprintf("net/http does not do what the row says: %q", said))
	}
}

// line is the verdict for people.
func (v verdict) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-7s %-6s %-6s %s/%s", v.kind, v.transport, v.mount, v.theme, v.name)
	for _, why := range v.why {
		fmt.Fprintf(&b, "\n        %s", why)
	}
	if v.kind == failed {
		for _, d := range v.differs {
			fmt.Fprintf(&b, "\n        %s: net/http %s, gwport %s", d.name, d.want, d.got)
			if v.bare != nil {
				fmt.Fprintf(&b, ", bare Cowboy %s", v.bare.get(d.name))
			}
		}
	}
	return b.String()
}

// place names where it was, once for each.
func (v verdict) place() string {
	return strings.Join([]string{v.theme + "/" + v.name, v.transport, v.mount}, "\t")
}
