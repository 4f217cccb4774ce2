package check

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/cmd/gwport/check/peer"
	"github.com/gwport/gwport/cmd/gwport/check/program"
	"github.com/gwport/gwport/cmd/gwport/check/report"
	"github.com/gwport/gwport/etf"
)

// The broken programs are gwport with somebody in between who changes the frames.
// The test binary is that somebody, when these are in its environment.
const (
	envBroken  = "GWPORT_CHECK_BROKEN"
	envProgram = "GWPORT_CHECK_PROGRAM"
)

// broken breaks one rule. Its functions return what is passed on instead of a
// frame; none of them passes frames on as they are.
type broken struct {
	rule, says string // what must be found broken, and a part of how
	in         func(m *meddler, f frames.Frame) [][]byte
	out        func(m *meddler, f frames.Frame) [][]byte

	stays    bool // at the end of its input
	deaf     bool // to SIGTERM
	exitCode int
}

func pass(f frames.Frame) [][]byte { return [][]byte{f.Append(nil)} }

func drop(k frames.Kind) func(*meddler, frames.Frame) [][]byte {
	return func(_ *meddler, f frames.Frame) [][]byte {
		if f.Kind == k {
			return nil
		}
		return pass(f)
	}
}

// on changes the frames of a kind.
func on(k frames.Kind, change func(m *meddler, f frames.Frame) [][]byte) func(*meddler, frames.Frame) [][]byte {
	return func(m *meddler, f frames.Frame) [][]byte {
		if f.Kind == k {
			return change(m, f)
		}
		return pass(f)
	}
}

// recode changes the code of an abort.
func recode(from, to int64) func(*meddler, frames.Frame) [][]byte {
	return on(frames.Abort, func(_ *meddler, f frames.Frame) [][]byte {
		if code, text := f.Reason(); code == from {
			f.Payload = peer.Payload(etf.Tuple{to, text})
		}
		return pass(f)
	})
}

func swapKey(f frames.Frame, key string, value any) [][]byte {
	term, _ := peer.Decode(f.Payload)
	m := etf.Map{}
	for _, p := range term.(etf.Map) {
		if p.Key == etf.Binary(key) {
			p.Value = value
		}
		if p.Value != nil {
			m = append(m, p)
		}
	}
	return pass(frames.New(f.Kind, f.Stream, peer.Payload(m)))
}

var brokenPrograms = map[string]broken{
	"prints": {rule: "P1", says: `"Hello`, out: on(frames.Ready, func(_ *meddler, f frames.Frame) [][]byte {
		return append(pass(f), []byte("Hello, standard output\n"))
	})},
	"stays behind the end of input": {rule: "P5", says: "still running", stays: true},
	"ignores SIGTERM":               {rule: "P6", says: "expected drain", deaf: true},
	"exits with 3":                  {rule: "D2", says: "exit 3", exitCode: 3},
	"exits with 3 when idle":        {rule: "P7", says: "exit 3, expected exit 0", exitCode: 3},
	"writes another layout": {rule: "F3", says: "83 68 02 62", out: on(frames.Fault, func(_ *meddler, f frames.Frame) [][]byte {
		b := append([]byte("\x83h\x02b\x00\x00\x00\x02m"), binary.BigEndian.AppendUint32(nil, uint32(len(f.Payload)))...)
		return [][]byte{peer.Framed(append(b, f.Payload...))}
	})},
	"sends empty chunks": {rule: "F4", says: "chunk of 0 bytes", out: on(frames.Chunk, func(_ *meddler, f frames.Frame) [][]byte {
		return append(pass(frames.New(frames.Chunk, f.Stream, nil)), f.Append(nil))
	})},
	"says no fault": {rule: "F2", says: "the end of standard output", out: drop(frames.Fault)},
	"inflates": {rule: "F5", says: "expected abort bad_payload (8)", in: on(frames.Open, func(_ *meddler, f frames.Frame) [][]byte {
		if f.Payload[1] == 80 {
			f.Payload = peer.Request{Path: "/status/200", App: "gwport.check", Window: 65_536}.Payload()
		}
		return pass(f)
	})},
	"takes bad payloads": {rule: "F6", says: "expected abort bad_payload (8)", out: recode(frames.BadPayload, frames.Internal)},
	"knows no other keys": {rule: "F7", says: "abort bad_payload (8)", in: on(frames.Open, func(m *meddler, f frames.Frame) [][]byte {
		if strings.Contains(string(f.Payload), "later") {
			f.Payload = peer.Payload(1)
		}
		return pass(f)
	})},
	"ignores unknown kinds": {rule: "F8", says: "expected fault bad_frame (2)", in: func(_ *meddler, f frames.Frame) [][]byte {
		if f.Kind.String() == "kind 10" {
			return nil
		}
		return pass(f)
	}},
	"has no apps": {rule: "G1", says: "apps is", out: on(frames.Ready, func(_ *meddler, f frames.Frame) [][]byte {
		return swapKey(f, "apps", nil)
	})},
	"speaks version 2": {rule: "G3", says: "version 2", out: on(frames.Ready, func(_ *meddler, f frames.Frame) [][]byte {
		return swapKey(f, "version", 2)
	})},
	"names no ranges": {rule: "G3", says: "a sentence that names both ranges", out: on(frames.Fault, func(_ *meddler, f frames.Frame) [][]byte {
		code, _ := f.Reason()
		return pass(frames.New(f.Kind, 0, peer.Payload(etf.Tuple{code, "no"})))
	})},
	"sends large heads": {rule: "G4", says: "expected abort, because no head fits", in: on(frames.Hello, func(_ *meddler, f frames.Frame) [][]byte {
		return swapKey(f, "max_head", 1000)
	})},
	"takes numbers twice": {rule: "R2", says: "expected fault bad_stream (3)", in: on(frames.Open, func(m *meddler, f frames.Frame) [][]byte {
		if f.Stream <= m.highest {
			return nil
		}
		m.highest = f.Stream
		return pass(f)
	})},
	"calls no_app something else": {rule: "R4", says: "expected abort no_app (7)", out: recode(frames.NoApp, frames.Internal)},
	"says no entered":             {rule: "R5", says: "expected entered", out: drop(frames.Entered)},
	"says entered always": {rule: "R5", says: "expected no entered for GET", out: on(frames.Reply, func(_ *meddler, f frames.Frame) [][]byte {
		return append(pass(frames.New(frames.Entered, f.Stream, peer.Empty)), f.Append(nil))
	})},
	"ends twice": {rule: "S1", says: "fin of stream", out: on(frames.Fin, func(_ *meddler, f frames.Frame) [][]byte {
		return append(pass(f), f.Append(nil))
	})},
	"answers every abort": {rule: "S2", says: "abort no_error", in: on(frames.Abort, func(m *meddler, f frames.Frame) [][]byte {
		m.toHost(f.Append(nil))
		return pass(f)
	})},
	"loses bytes": {rule: "S5", says: "as content-length says", out: on(frames.Reply, func(_ *meddler, f frames.Frame) [][]byte {
		term, _ := peer.Decode(f.Payload)
		if t := term.(etf.Tuple); len(t[2].(etf.Binary)) > 1 {
			t[2] = t[2].(etf.Binary)[1:]
			f.Payload = peer.Payload(t)
		}
		return pass(f)
	})},
	"lets line breaks through": {rule: "S6", says: `"a\nb"`, out: on(frames.Reply, func(_ *meddler, f frames.Frame) [][]byte {
		term, _ := peer.Decode(f.Payload)
		t := term.(etf.Tuple)
		t[1] = append(t[1].(etf.List), etf.Tuple{"x", "a\nb"})
		return pass(frames.New(f.Kind, f.Stream, peer.Payload(t)))
	})},
	"takes a body of any length": {rule: "R7", says: "expected abort bad_length (13)", out: recode(int64(frames.CodeOf(frames.Abort, "bad_length")), int64(frames.CodeOf(frames.Abort, "bad_order")))},
	"answers a failure with 200": {rule: "S7", says: "with status 200", out: on(frames.Reply, func(_ *meddler, f frames.Frame) [][]byte {
		return pass(frames.New(f.Kind, f.Stream, peer.Payload(etf.Tuple{200, etf.List{}, ""})))
	})},
	"aborts twice": {rule: "A1", says: "one abort a stream", out: on(frames.Abort, func(_ *meddler, f frames.Frame) [][]byte {
		return append(pass(f), f.Append(nil))
	})},
	"answers streams of its own": {rule: "R3", says: "stream 2147483646", out: on(frames.Reply, func(_ *meddler, f frames.Frame) [][]byte {
		return append(pass(frames.New(frames.Credit, 2147483646, peer.Payload(1))), f.Append(nil))
	})},
	"refuses no types":      {rule: "R1", says: "expected abort refused (6)", out: recode(frames.Refused, frames.Internal)},
	"answers no abort":      {rule: "A2", says: "expected abort cancelled (2)", out: drop(frames.Abort)},
	"answers with one code": {rule: "A2", says: "seen abort cancelled (2)", out: func(m *meddler, f frames.Frame) [][]byte { return recode(deadline, frames.Cancelled)(m, f) }},
	"goes on behind an abort": {rule: "A4", says: "chunk of 1 bytes", out: on(frames.Abort, func(_ *meddler, f frames.Frame) [][]byte {
		return append(pass(f), frames.New(frames.Chunk, f.Stream, []byte("x")).Append(nil))
	})},
	"doubles credit": {rule: "C1", says: "which is the credit", in: on(frames.Credit, func(_ *meddler, f frames.Frame) [][]byte {
		if term, _ := peer.Decode(f.Payload); peer.IsInt(term, 1, 1<<20) {
			f.Payload = peer.Payload(2 * term.(int64))
		}
		return pass(f)
	})},
	"grants before it is asked to": {rule: "C2", says: "no credit for a body with continue", out: on(frames.Reply, func(_ *meddler, f frames.Frame) [][]byte {
		return append(pass(frames.New(frames.Credit, f.Stream, peer.Payload(10))), f.Append(nil))
	})},
	"has another name for overflow": {rule: "C3", says: "expected abort flow_exceeded (11)", out: recode(frames.FlowExceeded, int64(frames.CodeOf(frames.Abort, "bad_order")))},
	"grants nothing":                {rule: "C4", says: "expected credit", out: drop(frames.Credit)},
	"serves one at a time": {rule: "O1", says: "seen nothing", in: on(frames.Open, func(m *meddler, f frames.Frame) [][]byte {
		if m.highest == 0 {
			m.highest = f.Stream
			return pass(f)
		}
		return nil
	})},
	"drains above": {rule: "D1", says: "drain 2147483647", out: on(frames.Drain, func(_ *meddler, f frames.Frame) [][]byte {
		return pass(frames.New(frames.Drain, 0, peer.Payload(frames.MaxStream)))
	})},
	"does not say drain": {rule: "D2", says: "expected the program's drain", out: drop(frames.Drain)},
	"miscounts pings": {rule: "D4", says: "expected pong", out: on(frames.Pong, func(_ *meddler, f frames.Frame) [][]byte {
		return pass(frames.New(frames.Pong, 0, peer.Payload(5)))
	})},
	"logs at level 9": {rule: "D5", says: "{Level, Text, Meta}", out: on(frames.Log, func(_ *meddler, f frames.Frame) [][]byte {
		return pass(frames.New(frames.Log, 0, peer.Payload(etf.Tuple{9, "", etf.Map{}})))
	})},
	"does not say too_large": {rule: "11", says: "expected abort too_large (12)", out: recode(frames.TooLarge, frames.Refused)},
	"talks behind a fault": {rule: "8", says: "nothing behind fault", out: on(frames.Fault, func(_ *meddler, f frames.Frame) [][]byte {
		return append(pass(f), frames.New(frames.Pong, 0, peer.Payload(1)).Append(nil))
	})},
	"changes nothing": {rule: "P4", says: "without close-on-exec"},
}

const deadline = 3

// The control: of the meddler alone only the rule is broken that it is listed
// with, its descriptors.
func TestMeddlerBreaksNothingElse(t *testing.T) {
	gwport := build(t)
	rep, err := program.Run(program.Options{
		Command:  []string{os.Args[0], envBroken + "=changes nothing", envProgram + "=" + gwport},
		Patience: 20 * time.Second,
	})
	require.NoError(t, err)
	for _, r := range rep.Results {
		require.True(t, r.Status == report.Pass || r.Rule == "P4", "%v", r)
	}
}

func TestBrokenProgramsAreNamed(t *testing.T) {
	gwport := build(t)
	for name, b := range brokenPrograms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, patiently(t, time.Second, func(patience time.Duration) error {
				rep, err := program.Run(program.Options{
					Command: []string{os.Args[0], envBroken + "=" + name, envProgram + "=" + gwport},
					Rules:   []string{b.rule}, Patience: patience,
				})
				if err != nil {
					return err
				}
				if !slices.ContainsFunc(rep.Results, func(r report.Result) bool {
					return r.Status == report.Fail && strings.Contains(r.String(), b.says)
				}) {
					return fmt.Errorf("expected a failure with %q, got %v", b.says, rep.Results)
				}
				return holdRow("program "+name, rep)
			}))
		})
	}
}

// patiently returns what a run of little patience finds, or, if that is not as
// expected, one of ten times as much: on a busy machine what is right may come too
// late for the first, and what is broken comes for neither.
func patiently(t *testing.T, patience time.Duration, run func(time.Duration) error) error {
	err := run(patience)
	if err != nil {
		t.Logf("with a patience of %v: %v", patience, err)
		err = run(10 * patience)
	}
	return err
}

// meddler is the process in between.
type meddler struct {
	broken
	mu      sync.Mutex // of standard output
	highest uint32
}

func (m *meddler) toHost(b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _ = os.Stdout.Write(b)
}

// meddle runs the program, and returns the exit code.
func meddle(b broken, program string) int {
	m := &meddler{broken: b}
	cmd := exec.Command(program)
	cmd.Stderr = os.Stderr
	toProgram, _ := cmd.StdinPipe()
	fromProgram, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		return 1
	}
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		for range term {
			if !b.deaf {
				_ = cmd.Process.Signal(syscall.SIGTERM)
			}
		}
	}()
	go func() {
		m.relay(os.Stdin, b.in, func(b []byte) { _, _ = toProgram.Write(b) })
		if !b.stays {
			_ = toProgram.Close()
		}
	}()
	m.relay(&narrowed{from: fromProgram}, b.out, m.toHost)
	_ = cmd.Wait()
	return max(b.exitCode, cmd.ProcessState.ExitCode())
}

// narrowed is the program's output. Its pipe gets the default size once the
// program has begun to write: what it has widened would stand before what the
// check looks for, in a pipe that the check does not see.
type narrowed struct {
	from io.Reader
	once sync.Once
}

func (n *narrowed) Read(b []byte) (int, error) {
	got, err := n.from.Read(b)
	if got > 0 {
		n.once.Do(func() { narrow(n.from) })
	}
	return got, err
}

// relay passes frames on, and whatever is none of them as it is.
func (m *meddler) relay(from io.Reader, change func(*meddler, frames.Frame) [][]byte, to func([]byte)) {
	if change == nil {
		_, _ = io.Copy(writerFunc(to), from)
		return
	}
	var length [4]byte
	for {
		if n, err := io.ReadFull(from, length[:]); err != nil {
			to(length[:n])
			return
		}
		n := binary.BigEndian.Uint32(length[:])
		if n > 32<<20 {
			to(length[:])
			_, _ = io.Copy(writerFunc(to), from)
			return
		}
		b := make([]byte, n)
		got, err := io.ReadFull(from, b)
		f, ok := frames.Parse(b)
		switch {
		case err != nil || !ok:
			to(append(length[:], b[:got]...))
		default:
			for _, b := range change(m, f) {
				to(b)
			}
		}
	}
}

type writerFunc func([]byte)

func (w writerFunc) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}
