package check

import (
	"encoding/binary"
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
	in         func(m *meddler, f frame) [][]byte
	out        func(m *meddler, f frame) [][]byte

	stays    bool // at the end of its input
	deaf     bool // to SIGTERM
	exitCode int
}

func pass(f frame) [][]byte { return [][]byte{f.bytes()} }

func drop(k kind) func(*meddler, frame) [][]byte {
	return func(_ *meddler, f frame) [][]byte {
		if f.kind == k {
			return nil
		}
		return pass(f)
	}
}

// on changes the frames of a kind.
func on(k kind, change func(m *meddler, f frame) [][]byte) func(*meddler, frame) [][]byte {
	return func(m *meddler, f frame) [][]byte {
		if f.kind == k {
			return change(m, f)
		}
		return pass(f)
	}
}

// recode changes the code of an abort.
func recode(from, to int64) func(*meddler, frame) [][]byte {
	return on(kindAbort, func(_ *meddler, f frame) [][]byte {
		if code, text := f.reason(); code == from {
			f.payload = payload(etf.Tuple{to, text})
		}
		return pass(f)
	})
}

func swapKey(f frame, key string, value any) [][]byte {
	term, _ := decode(f.payload)
	m := etf.Map{}
	for _, p := range term.(etf.Map) {
		if p.Key == etf.Binary(key) {
			p.Value = value
		}
		if p.Value != nil {
			m = append(m, p)
		}
	}
	return pass(frame{f.kind, f.stream, payload(m)})
}

var brokenPrograms = map[string]broken{
	"prints": {rule: "P1", says: `"Hello`, out: on(kindReady, func(_ *meddler, f frame) [][]byte {
		return append(pass(f), []byte("Hello, standard output\n"))
	})},
	"stays behind the end of input": {rule: "P5", says: "still running", stays: true},
	"ignores SIGTERM":               {rule: "P6", says: "expected drain", deaf: true},
	"exits with 3":                  {rule: "D2", says: "exit 3", exitCode: 3},
	"exits with 3 when idle":        {rule: "P7", says: "exit 3, expected exit 0", exitCode: 3},
	"writes another layout": {rule: "F3", says: "83 68 02 62", out: on(kindFault, func(_ *meddler, f frame) [][]byte {
		b := append([]byte("\x83h\x02b\x00\x00\x00\x02m"), binary.BigEndian.AppendUint32(nil, uint32(len(f.payload)))...)
		return [][]byte{framed(append(b, f.payload...))}
	})},
	"sends empty chunks": {rule: "F4", says: "chunk of 0 bytes", out: on(kindChunk, func(_ *meddler, f frame) [][]byte {
		return append(pass(frame{kindChunk, f.stream, nil}), f.bytes())
	})},
	"says no fault": {rule: "F2", says: "the end of standard output", out: drop(kindFault)},
	"inflates": {rule: "F5", says: "expected abort bad_payload (8)", in: on(kindOpen, func(_ *meddler, f frame) [][]byte {
		if f.payload[1] == 80 {
			f.payload = request{path: "/status/200", window: plenty}.payload()
		}
		return pass(f)
	})},
	"takes bad payloads": {rule: "F6", says: "expected abort bad_payload (8)", out: recode(codeBadPayload, codeInternal)},
	"knows no other keys": {rule: "F7", says: "abort bad_payload (8)", in: on(kindOpen, func(m *meddler, f frame) [][]byte {
		if strings.Contains(string(f.payload), "later") {
			f.payload = payload(1)
		}
		return pass(f)
	})},
	"ignores unknown kinds": {rule: "F8", says: "expected fault bad_frame (2)", in: func(_ *meddler, f frame) [][]byte {
		if f.kind.String() == "kind 7" {
			return nil
		}
		return pass(f)
	}},
	"has no apps": {rule: "G1", says: "apps is", out: on(kindReady, func(_ *meddler, f frame) [][]byte {
		return swapKey(f, "apps", nil)
	})},
	"speaks version 2": {rule: "G3", says: "version 2", out: on(kindReady, func(_ *meddler, f frame) [][]byte {
		return swapKey(f, "version", 2)
	})},
	"names no ranges": {rule: "G3", says: "a sentence that names both ranges", out: on(kindFault, func(_ *meddler, f frame) [][]byte {
		code, _ := f.reason()
		return pass(frame{f.kind, 0, payload(etf.Tuple{code, "no"})})
	})},
	"sends large heads": {rule: "G4", says: "expected abort, because no head fits", in: on(kindHello, func(_ *meddler, f frame) [][]byte {
		return swapKey(f, "max_head", 1000)
	})},
	"takes numbers twice": {rule: "R2", says: "expected fault bad_stream (3)", in: on(kindOpen, func(m *meddler, f frame) [][]byte {
		if f.stream <= m.highest {
			return nil
		}
		m.highest = f.stream
		return pass(f)
	})},
	"calls no_app something else": {rule: "R4", says: "expected abort no_app (7)", out: recode(codeNoApp, codeInternal)},
	"says no entered":             {rule: "R5", says: "expected entered", out: drop(kindEntered)},
	"says entered always": {rule: "R5", says: "expected no entered for GET", out: on(kindReply, func(_ *meddler, f frame) [][]byte {
		return append(pass(frame{kindEntered, f.stream, empty}), f.bytes())
	})},
	"ends twice": {rule: "S1", says: "fin of stream", out: on(kindFin, func(_ *meddler, f frame) [][]byte {
		return append(pass(f), f.bytes())
	})},
	"answers every abort": {rule: "S2", says: "abort no_error", in: on(kindAbort, func(m *meddler, f frame) [][]byte {
		m.toHost(f.bytes())
		return pass(f)
	})},
	"loses bytes": {rule: "S5", says: "as content-length says", out: on(kindReply, func(_ *meddler, f frame) [][]byte {
		term, _ := decode(f.payload)
		if t := term.(etf.Tuple); len(t[2].(etf.Binary)) > 1 {
			t[2] = t[2].(etf.Binary)[1:]
			f.payload = payload(t)
		}
		return pass(f)
	})},
	"lets line breaks through": {rule: "S6", says: `"a\nb"`, out: on(kindReply, func(_ *meddler, f frame) [][]byte {
		term, _ := decode(f.payload)
		t := term.(etf.Tuple)
		t[1] = append(t[1].(etf.List), etf.Tuple{"x", "a\nb"})
		return pass(frame{f.kind, f.stream, payload(t)})
	})},
	"takes a body of any length": {rule: "R7", says: "expected abort bad_length (13)", out: recode(codeBadLength, codeBadOrder)},
	"answers a failure with 200": {rule: "S7", says: "with status 200", out: on(kindReply, func(_ *meddler, f frame) [][]byte {
		return pass(frame{f.kind, f.stream, payload(etf.Tuple{200, etf.List{}, ""})})
	})},
	"aborts twice": {rule: "A1", says: "one abort a stream", out: on(kindAbort, func(_ *meddler, f frame) [][]byte {
		return append(pass(f), f.bytes())
	})},
	"answers streams of its own": {rule: "R3", says: "stream 2147483646", out: on(kindReply, func(_ *meddler, f frame) [][]byte {
		return append(pass(frame{kindCredit, 2147483646, payload(1)}), f.bytes())
	})},
	"refuses no types":      {rule: "R1", says: "expected abort refused (6)", out: recode(codeRefused, codeInternal)},
	"answers no abort":      {rule: "A2", says: "expected abort cancelled (2)", out: drop(kindAbort)},
	"answers with one code": {rule: "A2", says: "seen abort cancelled (2)", out: func(m *meddler, f frame) [][]byte { return recode(deadline, codeCancelled)(m, f) }},
	"goes on behind an abort": {rule: "A4", says: "chunk of 1 bytes", out: on(kindAbort, func(_ *meddler, f frame) [][]byte {
		return append(pass(f), frame{kindChunk, f.stream, []byte("x")}.bytes())
	})},
	"doubles credit": {rule: "C1", says: "which is the credit", in: on(kindCredit, func(_ *meddler, f frame) [][]byte {
		if term, _ := decode(f.payload); isInt(term, 1, 1<<20) {
			f.payload = payload(2 * term.(int64))
		}
		return pass(f)
	})},
	"grants before it is asked to": {rule: "C2", says: "no credit for a body with continue", out: on(kindReply, func(_ *meddler, f frame) [][]byte {
		return append(pass(frame{kindCredit, f.stream, payload(10)}), f.bytes())
	})},
	"has another name for overflow": {rule: "C3", says: "expected abort flow_exceeded (11)", out: recode(codeFlowExceeded, codeBadOrder)},
	"grants nothing":                {rule: "C4", says: "expected credit", out: drop(kindCredit)},
	"serves one at a time": {rule: "O1", says: "seen nothing", in: on(kindOpen, func(m *meddler, f frame) [][]byte {
		if m.highest == 0 {
			m.highest = f.stream
			return pass(f)
		}
		return nil
	})},
	"drains above": {rule: "D1", says: "drain 2147483647", out: on(kindDrain, func(_ *meddler, f frame) [][]byte {
		return pass(frame{kindDrain, 0, payload(maxStream)})
	})},
	"does not say drain": {rule: "D2", says: "expected the program's drain", out: drop(kindDrain)},
	"miscounts pings": {rule: "D4", says: "expected pong", out: on(kindPong, func(_ *meddler, f frame) [][]byte {
		return pass(frame{kindPong, 0, payload(5)})
	})},
	"logs at level 9": {rule: "D5", says: "{Level, Text, Meta}", out: on(kindLog, func(_ *meddler, f frame) [][]byte {
		return pass(frame{kindLog, 0, payload(etf.Tuple{9, "", etf.Map{}})})
	})},
	"does not say too_large": {rule: "11", says: "expected abort too_large (12)", out: recode(codeTooLarge, codeRefused)},
	"talks behind a fault": {rule: "8", says: "nothing behind fault", out: on(kindFault, func(_ *meddler, f frame) [][]byte {
		return append(pass(f), frame{kindPong, 0, payload(1)}.bytes())
	})},
	"changes nothing": {rule: "P4", says: "without close-on-exec"},
}

const deadline = 3

// The control: of the meddler alone only the rule is broken that it is listed
// with, its descriptors.
func TestMeddlerBreaksNothingElse(t *testing.T) {
	program := build(t)
	report, err := Run(Options{
		Command:  []string{os.Args[0], envBroken + "=changes nothing", envProgram + "=" + program},
		Patience: 20 * time.Second,
	})
	require.NoError(t, err)
	for _, r := range report.Results {
		require.True(t, r.Status == Pass || r.Rule == "P4", "%v", r)
	}
}

func TestBrokenProgramsAreNamed(t *testing.T) {
	program := build(t)
	for name, b := range brokenPrograms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, row := Options{
				Command: []string{os.Args[0], envBroken + "=" + name, envProgram + "=" + program},
				Rules:   []string{b.rule}, Patience: time.Second,
			}, "program "+name
			if *everyLine {
				o.Rules, o.Patience, row = nil, 2*time.Second, "program "+name+", every line"
			}
			report, err := Run(o)
			require.NoError(t, err)
			require.NoError(t, holdRow(row, report))
			i := slices.IndexFunc(report.Results, func(r Result) bool {
				return r.Status == Fail && strings.Contains(r.String(), b.says)
			})
			require.GreaterOrEqual(t, i, 0, "expected a failure with %q, got %v", b.says, report.Results)
		})
	}
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
func (m *meddler) relay(from io.Reader, change func(*meddler, frame) [][]byte, to func([]byte)) {
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
		f, ok := parseEnvelope(b)
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
