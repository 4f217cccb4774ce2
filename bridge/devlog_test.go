package bridge_test

import (
	"context"
	"log"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
)

// The page has a line's time and level in places of their own, so they are not in its text.
func TestTextsOfLastLinesHaveNoTimeAndNoLevel(t *testing.T) {
	for name, c := range map[string]struct {
		flags        int
		prefix, said string // said: what is in front of package log's texts
	}{
		"usual":                 {flags: log.LstdFlags},
		"no time":               {},
		"all":                   {flags: log.LstdFlags | log.Lmicroseconds | log.LUTC},
		"time alone":            {flags: log.Ltime},
		"prefix":                {flags: log.LstdFlags, prefix: "shop: ", said: "shop: "},
		"prefix of the message": {flags: log.LstdFlags | log.Lmsgprefix, prefix: "shop: ", said: "shop: "},
	} {
		t.Run(name, func(t *testing.T) {
			out := new(keptLog)
			flags, before, prefix := log.Flags(), log.Writer(), log.Prefix()
			t.Cleanup(func() { log.SetFlags(flags); log.SetOutput(before); log.SetPrefix(prefix) })
			log.SetFlags(c.flags)
			log.SetPrefix(c.prefix)
			log.SetOutput(out)
			kept := bridge.Hear()
			log.Print("the kettle is on\nand on")
			log.Print("2026/01/02 is a day")
			log.New(log.Writer(), "", log.Lmicroseconds|log.Lmsgprefix).Print("")
			if c.prefix == "" {
				slog.Warn("the kettle", "is", "empty")
				slog.Log(context.Background(), slog.LevelError+1, "no kettle")
			}
			want := []string{"info: " + c.said + "the kettle is on", "info: " + c.said + "2026/01/02 is a day"}
			if c.prefix == "" {
				want = append(want, "warning: the kettle is=empty", "error: no kettle")
			}
			texts := kept()
			require.Regexp(t, `^info: (\d\d:\d\d:\d\d\.\d{6} )?$`, texts[2], "another logger's time, which may stay")
			require.Equal(t, want, append(texts[:2:2], texts[3:]...))
			require.Contains(t, out.text(), "and on\n", "who reads the log has all of it")
		})
	}
}
