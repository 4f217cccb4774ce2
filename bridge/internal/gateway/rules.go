// Package gateway has the gateway's rules (SPEC.md, part two), as rules.txt has them.
package gateway

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:generate go run ./spec ../../../SPEC.md

//go:embed rules.txt
var text string

// A Rule says what an app and who calls it owe each other.
type Rule struct {
	ID       string
	Severity string   // "error" or "warning"
	Side     string   // whose fault a breach is: "gateway" or "app"
	Checked  []string // where a validator looks at it: "go", "erlang"
	Says     string
	Hint     string
}

// Rules are all of them, in their order.
var Rules = sync.OnceValue(func() []Rule {
	rules, err := parse(text)
	if err != nil {
		panic("gateway: rules.txt: " + err.Error()) // it is part of the program
	}
	return rules
})

// byID finds a rule.
var byID = sync.OnceValue(func() map[string]*Rule {
	m := make(map[string]*Rule)
	for i, r := range Rules() {
		m[r.ID] = &Rules()[i]
	}
	return m
})

// Find returns the rule with that id, which must be one.
func Find(id string) *Rule {
	r := byID()[id]
	if r == nil {
		panic("gateway: no rule " + id)
	}
	return r
}

// Matches tells whether a name stands for a rule: its id, the beginning of that up to
// a dot, or * for all of them.
func Matches(name, id string) bool {
	return name == "*" || name == id || strings.HasPrefix(id, name+".")
}

// Known tells whether a name stands for any rule.
func Known(name string) bool {
	return slices.ContainsFunc(Rules(), func(r Rule) bool { return Matches(name, r.ID) })
}

// fields are a rule's lines, in their order.
var fields = []string{"rule", "severity", "side", "checked", "says", "hint"}

// parse reads rules as rules.txt describes them.
func parse(text string) ([]Rule, error) {
	var rules []Rule
	at := 0 // in fields
	for n, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			if at != 0 {
				return nil, fmt.Errorf("line %d: expected %s", n+1, fields[at])
			}
			continue
		}
		key, value, _ := strings.Cut(line, ": ")
		if key != fields[at] || value == "" {
			return nil, fmt.Errorf("line %d: expected %s", n+1, fields[at])
		}
		if at == 0 {
			rules = append(rules, Rule{})
		}
		rules[len(rules)-1].set(key, value)
		at = (at + 1) % len(fields)
	}
	return rules, nil
}

func (r *Rule) set(key, value string) {
	switch key {
	case "rule":
		r.ID = value
	case "severity":
		r.Severity = value
	case "side":
		r.Side = value
	case "checked":
		r.Checked = strings.Fields(value)
	case "says":
		r.Says = value
	case "hint":
		r.Hint = value
	}
}
