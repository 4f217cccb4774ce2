package middleware

import (
	"slices"
	"strings"

	"github.com/gwport/gwport/bridge"
)

// The lists of headers that an App has returned are its own, and may be one for all of its responses: those that are
// changed here are others.

// first is the value of the first header of a name, or "".
func first(headers []bridge.Header, name string) string {
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			return h.Value
		}
	}
	return ""
}

// without has the headers but for those of these names.
func without(headers []bridge.Header, names ...string) []bridge.Header {
	left := make([]bridge.Header, 0, len(headers)+4)
	for _, h := range headers {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, h.Name) }) {
			left = append(left, h)
		}
	}
	return left
}

// with has one header more.
func with(headers []bridge.Header, name, value string) []bridge.Header {
	return append(slices.Clip(headers), bridge.Header{Name: name, Value: value})
}

// set has a header in the place of those of its name.
func set(headers []bridge.Header, name, value string) []bridge.Header {
	return append(without(headers, name), bridge.Header{Name: name, Value: value})
}

// vary says what fields of the request the response depends on.
func vary(headers []bridge.Header, names ...string) []bridge.Header {
	said := elements(headers, "Vary")
	for _, name := range names {
		if !slices.Contains(said, "*") && !slices.Contains(said, strings.ToLower(name)) {
			headers = with(headers, "Vary", name)
		}
	}
	return headers
}

// elements are those of a field that is a list of words, in lower case.
func elements(headers []bridge.Header, name string) []string {
	var all []string
	for _, h := range headers {
		if strings.EqualFold(h.Name, name) {
			all = append(all, words(strings.ToLower(h.Value))...)
		}
	}
	return all
}

// words parts a list at its commas.
func words(list string) []string {
	var all []string
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.Trim(word, " \t"); word != "" {
			all = append(all, word)
		}
	}
	return all
}

// keyOf is the key that a field of the request has in the environ. One that has none there is a wrong option.
func keyOf(option, name string) string {
	key := strings.ReplaceAll(strings.ToUpper(name), "-", "_")
	if strings.Trim(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" || key == "" || strings.Contains(name, "_") {
		wrong(option, name, "the name of a field, of letters, digits and dashes")
	}
	return "HTTP_" + key
}
