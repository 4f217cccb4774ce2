package cases

import "github.com/gwport/gwport/test/compare/script"

type op = script.Op

// Words for the tables. What each does is said where it is done: the handler's in ../app, the client's in ../act.go.

func ops(list ...script.Op) []script.Op { return list }

func set(name, value string) script.Op   { return script.Do("set", name, value) }
func add(name, value string) script.Op   { return script.Do("add", name, value) }
func status(code int) script.Op          { return script.Do("status", code) }
func write(text string) script.Op        { return script.Do("write", text) }
func bytes(n int, size ...int) script.Op { return script.Do("bytes", anys(n, size)...) }
func put(text string) script.Op          { return script.Do("put", text) }
func panics(text string) script.Op       { return script.Do("panic", text) }
func gate(name string) script.Op         { return script.Do("gate", name) }
func read(n int) script.Op               { return script.Do("read", n) }
func has(name string) script.Op          { return script.Do("has", name) }
func raw(name string, values ...string) script.Op {
	return script.Op{Name: "raw", Args: append([]string{name}, values...)}
}

var (
	flush   = script.Do("flush")
	abort   = script.Do("abort")
	readall = script.Do("readall")
	drain   = script.Do("drain")
	echo    = script.Do("echo")
	done    = script.Do("done")
)

// What the client does.
var (
	send   = script.Do("send")   // the whole request, while it reads
	head   = script.Do("head")   // its head alone
	rest   = script.Do("rest")   // what is left of the body, while it reads
	sent   = script.Do("sent")   // waits until all that it has sent is with the system
	finish = script.Do("finish") // reads the rest of the response
	next   = script.Do("next")   // asks for one thing more on the connection
	leave  = script.Do("leave")  // closes the connection
	reset  = script.Do("reset")  // resets the stream; on HTTP/1.x the connection
	half   = script.Do("half")   // closes the connection for writing
	hold   = script.Do("hold")   // takes nothing that the server sends until it finishes
	first  = script.Do("readhead")
)

func part(n int) script.Op          { return script.Do("part", n) }      // so many bytes of the body
func take(n int) script.Op          { return script.Do("take", n) }      // reads so many bytes of the response's
func await(event string) script.Op  { return script.Do("await", event) } // entered, left, or a gate's name
func release(name string) script.Op { return script.Do("release", name) }

func anys(n int, more []int) []any {
	list := []any{n}
	for _, m := range more {
		list = append(list, m)
	}
	return list
}

var (
	form      = script.Do("form")
	cookies   = script.Do("cookies")
	basicauth = script.Do("basicauth")
)

// Handlers of the standard library around a script.
func mux(pattern string, inner ...script.Op) script.Op {
	return script.Do("mux", pattern, script.Join(inner...))
}

func strip(prefix string, inner ...script.Op) script.Op {
	return script.Do("strip", prefix, script.Join(inner...))
}

func timeout(ms int, inner ...script.Op) script.Op {
	return script.Do("timeout", ms, script.Join(inner...))
}

func forward(inner ...script.Op) script.Op { return script.Do("forward", script.Join(inner...)) }
func proxy(answer string) script.Op        { return script.Do("proxy", answer) }
func cookie(name, value string) script.Op  { return script.Do("cookie", name, value) }
func httpError(code int, text string) script.Op {
	return script.Do("error", code, text)
}
func redirect(code int, to string) script.Op { return script.Do("redirect", code, to) }
func content(name, text string) script.Op    { return script.Do("content", name, text) }
func maxbytes(n int) script.Op               { return script.Do("maxbytes", n) }
func multipart(memory int) script.Op         { return script.Do("multipart", memory) }
func none(name string) script.Op             { return script.Do("nil", name) }
func del(name string) script.Op              { return script.Do("del", name) }
func str(text string) script.Op              { return script.Do("string", text) }
func copies(n int) script.Op                 { return script.Do("copy", n) }
func readby(ms int) script.Op                { return script.Do("readby", ms) }
func writeby(ms int) script.Op               { return script.Do("writeby", ms) }
func trailerOf(name string) script.Op        { return script.Do("trailer", name) }
func until(n int) script.Op                  { return script.Do("until", n) }

var (
	flusherr = script.Do("flusherr")
	goexit   = script.Do("goexit")
	notfound = script.Do("notfound")
	closes   = script.Do("close")
	zero     = script.Do("zero")
	ctx      = script.Do("ctx")
	full     = script.Do("full")
)

var (
	pipeline = script.Do("pipeline") // sends the next request at once
	toldTo   = script.Do("told")     // waits for 100 Continue, and sends the rest then
	inform   = script.Do("inform")   // reads an informational response
	hijack   = script.Do("hijack")
	tlsState = script.Do("tls")
	closed   = script.Do("closed") // waits for http.CloseNotifier
)

// pipelined sends a next request at once whose answer has so many bytes.
func pipelined(n int) script.Op { return script.Do("pipeline", n) }

func push(target string) script.Op { return script.Do("push", target) }
