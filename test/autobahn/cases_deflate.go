package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
)

// A data set is what messages are cut from. The suite's are files that are not here; these are of the same kinds and sizes.
type dataSet struct {
	name   string
	opcode byte
	make   func() string
}

var dataSets = []dataSet{
	{"JSON", opText, sync.OnceValue(func() string { return jsonOf(194056) })},
	{"a picture", opBinary, sync.OnceValue(func() string { return pictureOf(263222) })},
	{"prose", opBinary, sync.OnceValue(func() string { return proseOf(222218) })},
	{"HTML", opText, sync.OnceValue(func() string { return htmlOf(263527) })},
	{"a document with packed parts", opBinary, sync.OnceValue(func() string { return documentOf(1042328) })},
}

// sizes are those of the messages, and of the frames that they come in: 0 for one.
var sizes = []struct{ message, frame int }{
	{16, 0},
	{64, 0},
	{256, 0},
	{1024, 0},
	{4096, 0},
	{8192, 0},
	{16384, 0},
	{32768, 0},
	{65536, 0},
	{131072, 0},
	{8192, 256},
	{16384, 256},
	{32768, 256},
	{65536, 256},
	{131072, 256},
	{131072, 1024},
	{131072, 4096},
	{131072, 32768},
}

const (
	usualOffer = extension + "; " + clientForgets + "; client_max_window_bits"
	smallest   = "; " + serverWindow + "=9"
	largest    = "; " + serverWindow + "=15"
	forgetful  = "; " + serverForgets
)

// offered are the parameters of 13.1 to 13.7.
var offered = []string{
	usualOffer,
	usualOffer + forgetful,
	usualOffer + smallest,
	usualOffer + largest,
	usualOffer + forgetful + smallest,
	usualOffer + forgetful + largest,
	usualOffer + forgetful + smallest + ", " + usualOffer + forgetful + ", " + usualOffer,
}

func compression(messages int) []testCase {
	var cases []testCase
	add := func(section string, set dataSet, offers string) {
		for i, size := range sizes {
			about := fmt.Sprintf("%s in compressed messages of %d octets, %s", set.name, size.message, "offered: "+offers)
			if size.frame > 0 {
				about = fmt.Sprintf("%s, in frames of %d", about, size.frame)
			}
			cases = append(cases, testCase{
				id: fmt.Sprintf("%s.%d", section, i+1), about: about, offers: offers, closing: orderly, heavy: true,
				play: func(s *session) string { return s.compressed(set, size.message, size.frame, messages) },
			})
		}
	}
	for i, set := range dataSets {
		add(fmt.Sprintf("12.%d", i+1), set, usualOffer)
	}
	for i, offers := range offered {
		add(fmt.Sprintf("13.%d", i+1), dataSets[0], offers)
	}
	return cases
}

// compressed sends messages out of a set, each when the one before has come back.
func (s *session) compressed(set dataSet, size, frameSize, times int) string {
	data := set.make()
	what := map[byte]string{opText: sawText, opBinary: sawBinary}[set.opcode]
	for i := range times {
		from := i * size % (len(data) - size)
		message := data[from : from+size]
		packed, err := s.deflate.pack([]byte(message))
		if err != nil {
			return err.Error()
		}
		s.sendAll(split(newFrame(set.opcode, packed).bits(4), frameSize), 0)
		if why := s.comesBack(event{what, message}); why != "" {
			return fmt.Sprintf("message %d of %d: %s", i+1, times, why)
		}
	}
	return ""
}

// Each run has the same data.
func drawn() *rand.Rand { return rand.New(rand.NewPCG(12, 13)) }

var words = strings.Fields("the port answers what it is asked and a frame follows another until both halves have come to their end")

// grow makes text of a size out of pieces.
func grow(size int, piece func(*rand.Rand) string) string {
	var b strings.Builder
	for r := drawn(); b.Len() < size; {
		b.WriteString(piece(r))
	}
	return b.String()[:size]
}

func jsonOf(size int) string {
	return grow(size, func(r *rand.Rand) string {
		return fmt.Sprintf(`{"id":%d,"name":"%s","tags":["%s","%s"],"share":%.4f},`,
			r.IntN(1e6), pick(r), pick(r), pick(r), r.Float64())
	})
}

func htmlOf(size int) string {
	return grow(size, func(r *rand.Rand) string {
		return fmt.Sprintf("<tr class=\"row\"><td><a href=\"/%s/%d\">%s</a></td></tr>\n", pick(r), r.IntN(1000), pick(r))
	})
}

func proseOf(size int) string {
	return grow(size, func(r *rand.Rand) string { return pick(r) + " " })
}

// pictureOf has neighbours that are nearly alike.
func pictureOf(size int) string {
	shade := 128
	return grow(size, func(r *rand.Rand) string {
		shade = (shade + r.IntN(9) + 252) % 256
		return string([]byte{byte(shade)})
	})
}

// documentOf has text, and what cannot be compressed.
func documentOf(size int) string {
	return grow(size, func(r *rand.Rand) string {
		packed := make([]byte, 3000)
		for i := range packed {
			packed[i] = byte(r.IntN(256))
		}
		return "stream\n" + string(packed) + "\nendstream\n" + pick(r)
	})
}

func pick(r *rand.Rand) string { return words[r.IntN(len(words))] }
