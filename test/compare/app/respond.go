package main

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/gwport/gwport/test/compare/script"
)

// What a handler does to its response.
var _ = register(map[string]operation{
	"set":    func(x *run, op script.Op) string { x.w.Header().Set(op.Arg(0), op.Arg(1)); return "" },
	"add":    func(x *run, op script.Op) string { x.w.Header().Add(op.Arg(0), op.Arg(1)); return "" },
	"del":    func(x *run, op script.Op) string { x.w.Header().Del(op.Arg(0)); return "" },
	"nil":    func(x *run, op script.Op) string { x.w.Header()[op.Arg(0)] = nil; return "" },
	"raw":    func(x *run, op script.Op) string { x.w.Header()[op.Arg(0)] = op.Args[1:]; return "" },
	"status": func(x *run, op script.Op) string { return status(x.w, op.Int(0)) },
	"write":  func(x *run, op script.Op) string { return wrote(x.w.Write([]byte(op.Arg(0)))) },
	// put is write where it is a matter of time what comes of it.
	"put":    func(x *run, op script.Op) string { _, _ = io.WriteString(x.w, op.Arg(0)); return "" },
	"string": func(x *run, op script.Op) string { return wrote(io.WriteString(x.w, op.Arg(0))) },
	// bytes N [SIZE]: N bytes in writes of SIZE.
	"bytes": func(x *run, op script.Op) string { return writeBytes(x.w, op.Int(0), op.Int(1)) },
	"copy": func(x *run, op script.Op) string {
		n, err := io.Copy(x.w, &pattern{left: op.Int(0)})
		return fmt.Sprint(n, " ", class(err))
	},
	"flush": func(x *run, _ script.Op) string {
		f, ok := x.w.(http.Flusher)
		if !ok {
			return "no Flusher"
		}
		f.Flush()
		return ""
	},
	"flusherr": func(x *run, _ script.Op) string { return class(http.NewResponseController(x.w).Flush()) },
	"panic":    func(_ *run, op script.Op) string { panic(op.Arg(0)) },
	"abort":    func(*run, script.Op) string { panic(http.ErrAbortHandler) },
	"goexit":   func(*run, script.Op) string { runtime.Goexit(); return "" },
	"gate":     func(x *run, op script.Op) string { x.p.gate(op.Arg(0)); return "" },
	"error":    func(x *run, op script.Op) string { http.Error(x.w, op.Arg(1), op.Int(0)); return "" },
	"notfound": func(x *run, _ script.Op) string { http.NotFound(x.w, x.r); return "" },
	"redirect": func(x *run, op script.Op) string { http.Redirect(x.w, x.r, op.Arg(1), op.Int(0)); return "" },
	"cookie": func(x *run, op script.Op) string {
		http.SetCookie(x.w, &http.Cookie{Name: op.Arg(0), Value: op.Arg(1), Path: "/", HttpOnly: true})
		return ""
	},
	// content NAME TEXT: as a file that can be asked for in ranges.
	"content": func(x *run, op script.Op) string {
		http.ServeContent(x.w, x.r, op.Arg(0), time.Unix(1700000000, 0), strings.NewReader(op.Arg(1)))
		return ""
	},
	"header": func(x *run, op script.Op) string { return fmt.Sprintf("%q", x.w.Header()[op.Arg(0)]) },
	// hijack only tries: what is taken is given back by ending it.
	"hijack": func(x *run, _ script.Op) string {
		conn, _, err := http.NewResponseController(x.w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
		return class(err)
	},
	"push": func(x *run, op script.Op) string {
		p, ok := x.w.(http.Pusher)
		if !ok {
			return "no Pusher"
		}
		return class(p.Push(op.Arg(0), nil))
	},
	"closed": func(x *run, _ script.Op) string {
		n, ok := x.w.(http.CloseNotifier) //lint:ignore SA1019 frameworks ask for it
		if !ok {
			return "no CloseNotifier"
		}
		return fmt.Sprint(<-n.CloseNotify())
	},
	"tls": func(x *run, _ script.Op) string { return tlsOf(x.r.TLS) },
	"has": func(x *run, op script.Op) string { return fmt.Sprint(has(x.w, op.Arg(0))) },
})

// status notes the panic of one that cannot be.
func status(w http.ResponseWriter, code int) (saw string) {
	defer func() {
		if v := recover(); v != nil {
			saw = "panic"
		}
	}()
	w.WriteHeader(code)
	return ""
}

func wrote(n int, err error) string { return fmt.Sprint(n, " ", class(err)) }

func writeBytes(w http.ResponseWriter, n, size int) string {
	if size == 0 {
		size = n
	}
	from := &pattern{left: n}
	block := make([]byte, size)
	total := 0
	for from.left > 0 {
		k, _ := io.ReadFull(from, block)
		m, err := w.Write(block[:k])
		total += m
		if err != nil {
			return wrote(total, err)
		}
	}
	return wrote(total, nil)
}

// pattern reads bytes of which the i-th is i mod 251. It is an io.Reader and nothing else.
type pattern struct{ at, left int }

func (p *pattern) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := min(len(b), p.left)
	for i := range n {
		b[i] = byte((p.at + i) % 251)
	}
	p.at, p.left = p.at+n, p.left-n
	return n, nil
}

// has tells whether the ResponseWriter is more than that.
func has(w http.ResponseWriter, name string) bool {
	var ok bool
	switch name {
	case "Flusher":
		_, ok = w.(http.Flusher)
	case "CloseNotifier":
		//lint:ignore SA1019 frameworks ask for it
		_, ok = w.(http.CloseNotifier)
	case "ReaderFrom":
		_, ok = w.(io.ReaderFrom)
	case "StringWriter":
		_, ok = w.(io.StringWriter)
	case "Hijacker":
		_, ok = w.(http.Hijacker)
	case "Pusher":
		_, ok = w.(http.Pusher)
	case "FlushError":
		_, ok = w.(interface{ FlushError() error })
	case "SetReadDeadline":
		_, ok = w.(interface{ SetReadDeadline(time.Time) error })
	case "SetWriteDeadline":
		_, ok = w.(interface{ SetWriteDeadline(time.Time) error })
	case "EnableFullDuplex":
		_, ok = w.(interface{ EnableFullDuplex() error })
	default:
		panic("compare: no interface " + name)
	}
	return ok
}
