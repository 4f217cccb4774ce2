//go:build race

package etf_test

// raceDetector tells of an allocator that takes 16 bytes where 8 are asked for.
const raceDetector = true
