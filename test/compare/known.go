package main

import (
	_ "embed"
	"slices"
	"strings"
)

// knownText has a line "THEME/NAME<tab>TRANSPORT<tab>MOUNT" for each difference that is a fault of gwport's and being
// mended. It is empty in the end.
//
//go:embed known.txt
var knownText string

var knownLines = strings.Split(knownText, "\n")

func (v verdict) place() string {
	return strings.Join([]string{v.theme + "/" + v.name, v.transport, v.mount}, "\t")
}

func (v verdict) isKnown() bool {
	_, found := slices.BinarySearch(knownLines, v.place())
	return found
}
