package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
)

// mainRows are what the picture shows.
var mainRows = []string{
	"hello_c64", "headers_c64", "h2c_hello", "gen_100k", "gen_10m", "upload_1m", "json_2k", "burn_1ms",
}

const (
	svgWidth  = 900
	svgLeft   = 250 // of the bars: the titles stand before them
	svgBar    = 14
	svgGap    = 34
	svgRight  = 130 // for the figures behind the bars
	svgColour = "#4a7ebb"
)

var svgColours = map[string]string{
	ownHandler: "#888", "cowboy_stream": "#aaa", "gwport_handler": "#c0392b", "gwport_stream": "#e67e22",
}

// writePlot draws a group of bars for each main row, each bar with a line from the lowest to the highest round.
func writePlot(w io.Writer, res *Results) error {
	var body strings.Builder
	y := 10
	for _, l := range loads() {
		if slices.Contains(mainRows, l.name) {
			y = plotLoad(&body, res, l, y)
		}
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d"
  font-family="sans-serif" font-size="11">
<rect width="100%%" height="100%%" fill="#fff"/>
%s</svg>
`, svgWidth, y+10, body.String())
	return err
}

func plotLoad(out *strings.Builder, res *Results, l load, y int) int {
	type bar struct {
		contestant
		rate Spread
	}
	var bars []bar
	var most float64
	for _, c := range res.contestants() {
		if s := each(measured(res.of(l.name, c.name)), Run.Rate); s.N > 0 {
			bars = append(bars, bar{c, s})
			most = max(most, s.Max)
		}
	}
	if len(bars) == 0 {
		return y
	}
	fmt.Fprintf(out, "<text x=\"10\" y=\"%d\" font-weight=\"bold\">%s, req/s</text>\n", y+12, escape(l.title))
	y += 20
	scale := func(v float64) float64 { return svgLeft + v/most*(svgWidth-svgLeft-svgRight) }
	for _, b := range bars {
		colour := svgColours[b.name]
		if colour == "" {
			colour = svgColour
		}
		mid := y + svgBar/2
		fmt.Fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", svgLeft-8, mid+4, escape(b.title))
		fmt.Fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n",
			svgLeft, y+1, scale(b.rate.Median)-svgLeft, svgBar-2, colour)
		fmt.Fprintf(out, "<path d=\"M%.1f %dH%.1f\" stroke=\"#000\"/>\n", scale(b.rate.Min), mid, scale(b.rate.Max))
		fmt.Fprintf(out, "<text x=\"%.1f\" y=\"%d\">%.0f</text>\n", scale(b.rate.Max)+6, mid+4, b.rate.Median)
		y += svgBar
	}
	return y + svgGap - svgBar
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}
