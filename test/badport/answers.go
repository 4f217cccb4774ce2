//go:build unix

package main

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// answers are the ways to answer a request: those of one stream, those of the wire, those of the process.
var answers = map[string]func(p *program, id uint32, arg string){
	"ok":   func(p *program, id uint32, _ string) { p.stream(frames.Reply, id, ok200("ok\n")) },
	"hang": func(*program, uint32, string) {},

	"file": sendFile,

	// Out of order [S1].
	"chunk-first":    func(p *program, id uint32, _ string) { p.payload(frames.Chunk, id, []byte("x")); p.end(id) },
	"fin-first":      func(p *program, id uint32, _ string) { p.stream(frames.Fin, id, etf.List{}) },
	"trailers-first": func(p *program, id uint32, _ string) { p.stream(frames.Trailers, id, etf.List{}) },
	"head-twice":     func(p *program, id uint32, _ string) { p.head(id); p.head(id); p.stream(frames.Fin, id, etf.List{}) },
	"inform-late": func(p *program, id uint32, _ string) {
		p.head(id)
		p.stream(frames.Inform, id, etf.Tuple{103, etf.List{}})
		p.end(id)
	},
	"reply-late": func(p *program, id uint32, _ string) { p.head(id); p.stream(frames.Reply, id, ok200("again\n")) },
	"no-fin":     func(p *program, id uint32, _ string) { p.head(id); p.payload(frames.Chunk, id, []byte("some")) },
	"informs":    informs,

	// Sizes and credit.
	"chunk": func(p *program, id uint32, arg string) {
		p.head(id)
		p.payload(frames.Chunk, id, make([]byte, num(arg)))
		p.end(id)
	},
	"reply-size": func(p *program, id uint32, arg string) {
		p.stream(frames.Reply, id, ok200(strings.Repeat("x", num(arg))))
	},
	"head-size": func(p *program, id uint32, arg string) { p.payload(frames.Head, id, padded(num(arg))); p.end(id) },
	"grant":     func(p *program, id uint32, arg string) { p.stream(frames.Credit, id, num(arg)) },
	"grant-overflow": func(p *program, id uint32, _ string) {
		p.stream(frames.Credit, id, 1<<31-1)
		p.stream(frames.Credit, id, 1<<31-1)
	},
	"grant-deaf": func(p *program, id uint32, arg string) { p.stream(frames.Credit, id, num(arg)); forever() },
	"deadlock":   func(*program, uint32, string) { select {} }, // which the runtime ends, since nothing else runs
	"grant-text": func(p *program, id uint32, _ string) { p.stream(frames.Credit, id, "much") },
	"grants":     grants,
	"grant-later": func(p *program, id uint32, _ string) {
		p.stream(frames.Reply, id, ok200("ok\n"))
		p.stream(frames.Credit, id, 1)
	},

	// Payloads that are not as section 4 says.
	"no-term":    func(p *program, id uint32, _ string) { p.payload(frames.Reply, id, []byte("no term")) },
	"trailing":   func(p *program, id uint32, _ string) { p.payload(frames.Reply, id, append(encode(ok200("ok\n")), 0)) },
	"compressed": func(p *program, id uint32, _ string) { p.payload(frames.Reply, id, compressed(ok200("ok\n"))) },
	"pid": func(p *program, id uint32, _ string) {
		p.stream(frames.Reply, id, etf.Tuple{200, etf.List{}, etf.Raw(pid)})
	},
	"atom": func(p *program, id uint32, arg string) {
		p.stream(frames.Reply, id, etf.Tuple{200, etf.List{}, etf.Atom(arg)})
	},
	"deep": func(p *program, id uint32, arg string) {
		p.stream(frames.Reply, id, etf.Tuple{200, etf.List{}, deep(num(arg))})
	},
	"entered-badly":   func(p *program, id uint32, _ string) { p.stream(frames.Entered, id, 1) },
	"fin-badly":       func(p *program, id uint32, _ string) { p.head(id); p.stream(frames.Fin, id, 1) },
	"abort-badly":     func(p *program, id uint32, _ string) { p.stream(frames.Abort, id, "sorry") },
	"trailers-badly":  func(p *program, id uint32, _ string) { p.head(id); p.stream(frames.Trailers, id, 1) },
	"inform-badly":    func(p *program, id uint32, _ string) { p.stream(frames.Inform, id, etf.Tuple{200, etf.List{}}) },
	"headers-no-list": func(p *program, id uint32, _ string) { p.stream(frames.Reply, id, etf.Tuple{200, 1, "ok\n"}) },

	// What Cowboy must not see.
	"status": func(p *program, id uint32, arg string) {
		p.stream(frames.Reply, id, etf.Tuple{num(arg), etf.List{}, ""})
	},
	"value-crlf": func(p *program, id uint32, _ string) { p.fields(id, field("x-a", "b\r\nset-cookie: stolen=1")) },
	"name-crlf":  func(p *program, id uint32, _ string) { p.fields(id, field("x-a\r\nset-cookie", "stolen=1")) },
	"name-empty": func(p *program, id uint32, _ string) { p.fields(id, field("", "x")) },
	"two-lengths": func(p *program, id uint32, _ string) {
		p.fields(id, field("content-length", "3"), field("Content-Length", "4"))
	},
	"length-word":  func(p *program, id uint32, _ string) { p.fields(id, field("content-length", "many")) },
	"length-short": func(p *program, id uint32, _ string) { p.sized(id, "10", "123") },
	"length-long":  func(p *program, id uint32, _ string) { p.sized(id, "3", "0123456789") },

	// Aborts.
	"abort": func(p *program, id uint32, arg string) {
		p.stream(frames.Abort, id, etf.Tuple{num(arg), "badport: because"})
	},
	"abort-late": func(p *program, id uint32, arg string) {
		p.head(id)
		p.payload(frames.Chunk, id, []byte("some"))
		p.stream(frames.Abort, id, etf.Tuple{num(arg), ""})
	},
	"unanswered": func(p *program, id uint32, _ string) { p.silent[id] = true },

	// Faults of the wire.
	"stray":        func(p *program, _ uint32, _ string) { p.raw([]byte("Hello, stdout\n")) },
	"length":       func(p *program, _ uint32, arg string) { p.raw(lengthOf(num(arg))) },
	"kind":         func(p *program, _ uint32, arg string) { p.send(frames.Kind(num(arg)), 1) },
	"stream-kind":  func(p *program, id uint32, arg string) { p.stream(frames.Kind(num(arg)), id, 1) },
	"envelope":     func(p *program, id uint32, _ string) { p.raw(envelope(etf.List{int(frames.Chunk), int(id), "x"})) },
	"low-stream":   func(p *program, _ uint32, _ string) { p.raw(envelope(etf.Tuple{int(frames.Chunk), 255, []byte("x")})) },
	"never-opened": func(p *program, id uint32, _ string) { p.payload(frames.Chunk, id+1000, []byte("x")) },
	"odd":          func(p *program, id uint32, _ string) { p.payload(frames.Chunk, id-1, []byte("x")) },
	"closed":       closed,
	"fault": func(p *program, _ uint32, arg string) {
		p.send(frames.Fault, etf.Tuple{num(arg), "badport: cannot go on"})
	},
	"ready": func(p *program, _ uint32, _ string) { p.send(frames.Ready, etf.Map{}) },
	"pong":  func(p *program, _ uint32, _ string) { p.send(frames.Pong, 77777) },
	"ping":  func(p *program, id uint32, _ string) { p.asked[4711] = id; p.send(frames.Ping, 4711) },
	"drain": func(p *program, id uint32, arg string) { p.send(frames.Drain, num(arg)) },
	"log": func(p *program, id uint32, arg string) {
		p.send(frames.Log, etf.Tuple{num(arg), "badport: a line", meta(id)})
		answerOK(p, id)
	},
	"log-badly": func(p *program, id uint32, _ string) { p.send(frames.Log, 1); answerOK(p, id) },
	"log-size":  logSize,

	// The process.
	"exit":         func(_ *program, _ uint32, arg string) { os.Exit(num(arg)) },
	"entered-exit": func(p *program, id uint32, _ string) { p.stream(frames.Entered, id, etf.List{}); os.Exit(0) },
	"head-exit": func(p *program, id uint32, _ string) {
		p.head(id)
		p.payload(frames.Chunk, id, []byte("some"))
		os.Exit(0)
	},
	"dies":    dies,
	"dies-at": diesAt,

	"takes-over":          takesOver,
	"takes-over-and-dies": takesOverAndDies,
	"partial": func(p *program, _ uint32, _ string) {
		p.raw(envelope(etf.Tuple{int(frames.Pong), []byte("12345")})[:9])
		os.Exit(0)
	},
	"close-stdout": func(p *program, _ uint32, _ string) { must(p.out.Close()) },
	// Nobody reads what the host sends from now on, not even its end.
	"close-stdin": func(*program, uint32, string) { must(syscall.Close(0)); forever() },
	// The first bytes of a frame that does not come.
	"half":       func(p *program, _ uint32, _ string) { p.raw(lengthOf(100)); p.raw([]byte{131}); forever() },
	"stop":       func(*program, uint32, string) { stop() },
	"stop-early": stopEarly,
	"grandchild": grandchild,
}

func answerOK(p *program, id uint32) { p.stream(frames.Reply, id, ok200("ok\n")) }

func (p *program) head(id uint32) { p.stream(frames.Head, id, etf.Tuple{200, etf.List{}}) }

func (p *program) end(id uint32) { p.stream(frames.Fin, id, etf.List{}) }

func (p *program) fields(id uint32, fields ...any) {
	p.stream(frames.Reply, id, etf.Tuple{200, etf.List(fields), "ok\n"})
}

// sized sends a body under a content-length of its own choice.
func (p *program) sized(id uint32, length, body string) {
	p.stream(frames.Head, id, etf.Tuple{200, etf.List{field("content-length", length)}})
	p.payload(frames.Chunk, id, []byte(body))
	p.end(id)
}

func informs(p *program, id uint32, arg string) {
	for range num(arg) {
		p.stream(frames.Inform, id, etf.Tuple{103, etf.List{field("x-a", "b")}})
	}
	answerOK(p, id)
}

// closed goes on after the end, with every kind [R3].
func closed(p *program, id uint32, _ string) {
	answerOK(p, id)
	p.head(id)
	p.payload(frames.Chunk, id, []byte("x"))
	p.end(id)
	p.stream(frames.Credit, id, 1)
	p.stream(frames.Entered, id, etf.List{})
	p.stream(frames.Abort, id, etf.Tuple{1, ""})
}

// logSize sends a log frame whose payload has exactly so many bytes.
func logSize(p *program, id uint32, arg string) {
	empty := len(encode(etf.Tuple{4, "", etf.Map{}}))
	p.send(frames.Log, etf.Tuple{4, strings.Repeat("l", num(arg)-empty), etf.Map{}})
	answerOK(p, id)
}

// stop stops the whole process until it is continued. The call alone may return a moment before the process stops, and
// a second one would then be one with the first.
func stop() {
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	must(syscall.Kill(os.Getpid(), syscall.SIGSTOP))
	<-continued
}

// stopEarly answers without the request's body. It is stopped before the end of its answer, and again behind it, so
// that it reads nothing meanwhile.
func stopEarly(p *program, id uint32, _ string) {
	p.head(id)
	stop()
	p.end(id)
	stop()
}

// grandchild leaves a child behind that holds standard output open, and logs its pid.
func grandchild(p *program, _ uint32, _ string) {
	cmd := exec.Command("sleep", "3600")
	cmd.Stdout = p.out
	must(cmd.Start())
	p.send(frames.Log, etf.Tuple{5, "grandchild " + itoa(cmd.Process.Pid), etf.Map{}})
	os.Exit(0)
}

func meta(id uint32) etf.Map {
	return etf.Map{{Key: "stream", Value: id}, {Key: "colour", Value: "red"}, {Key: "n", Value: 7}, {Key: "yes", Value: true}}
}

func lengthOf(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// padded is a head's payload of exactly so many bytes.
func padded(size int) []byte {
	term := func(n int) []byte { return encode(etf.Tuple{200, etf.List{field("x-pad", strings.Repeat("x", n))}}) }
	return term(size - len(term(0)))
}

func deep(levels int) any {
	var term any = etf.List{}
	for range levels {
		term = etf.List{term}
	}
	return term
}

// compressed is the term as term_to_binary(Term, [compressed]) writes it.
func compressed(term any) []byte {
	plain := encode(term)[1:]
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(plain)
	must(w.Close())
	return append(binary.BigEndian.AppendUint32([]byte{131, 80}, uint32(len(plain))), b.Bytes()...)
}

// pid is a process identifier of a node that is not there.
const pid = "\x58\x77\x05a@b.c\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01"
