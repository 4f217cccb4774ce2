//go:build !race

package etf_test

const raceDetector = false
