package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gwport/gwport/test/compare/script"
)

// What a handler does to its request, and to itself.
var _ = register(map[string]operation{
	// read N: exactly so many bytes.
	"read": func(x *run, op script.Op) string {
		b := make([]byte, op.Int(0))
		n, err := io.ReadFull(x.r.Body, b)
		return digest(b[:n], err)
	},
	"readall": func(x *run, _ script.Op) string { return readAll(x.r.Body) },
	// drain is readall where it is a matter of time what comes of it.
	"drain": func(x *run, _ script.Op) string { _, _ = io.Copy(io.Discard, x.r.Body); return "" },
	"close": func(x *run, _ script.Op) string { return class(x.r.Body.Close()) },
	// zero: a Read of no bytes.
	"zero": func(x *run, _ script.Op) string { return wrote(x.r.Body.Read(nil)) },
	"echo": func(x *run, _ script.Op) string {
		_ = http.NewResponseController(x.w).EnableFullDuplex()
		n, err := io.CopyBuffer(struct{ io.Writer }{x.w}, struct{ io.Reader }{x.r.Body}, make([]byte, 8192))
		return fmt.Sprint(n, " ", class(err))
	},
	"trailer":  func(x *run, op script.Op) string { return fmt.Sprintf("%q", x.r.Trailer[op.Arg(0)]) },
	"maxbytes": func(x *run, op script.Op) string { return maxBytes(x, int64(op.Int(0))) },
	"form": func(x *run, op script.Op) string {
		err := x.r.ParseForm()
		return fmt.Sprint(class(err), " ", x.r.Form.Encode(), " ", x.r.PostForm.Encode())
	},
	"multipart": multipart,
	"cookies":   func(x *run, _ script.Op) string { return fmt.Sprint(x.r.Cookies()) },
	"basicauth": func(x *run, _ script.Op) string { return fmt.Sprint(x.r.BasicAuth()) },
	// done: waits for the end of the context.
	"done": func(x *run, _ script.Op) string {
		<-x.r.Context().Done()
		return ended(x.r.Context())
	},
	"ctx":  func(x *run, _ script.Op) string { return ended(x.r.Context()) },
	"full": func(x *run, _ script.Op) string { return class(http.NewResponseController(x.w).EnableFullDuplex()) },
	// readby, writeby MS: the deadlines of http.ResponseController; negative ones have passed, 0 is none.
	"readby": func(x *run, op script.Op) string {
		return class(http.NewResponseController(x.w).SetReadDeadline(deadline(op.Int(0))))
	},
	"writeby": func(x *run, op script.Op) string {
		return class(http.NewResponseController(x.w).SetWriteDeadline(deadline(op.Int(0))))
	},
	// until MAX: writes until that fails, or so many bytes are written.
	"until": writeUntil,
})

// digest is the whole of what is short, and a sum of what is long.
func digest(b []byte, err error) string {
	if len(b) <= 64 {
		return fmt.Sprintf("%q %s", b, class(err))
	}
	return fmt.Sprintf("%d bytes %x %s", len(b), sha256.Sum256(b), class(err))
}

func readAll(r io.Reader) string {
	sum, head, total := sha256.New(), []byte{}, 0
	block := make([]byte, 32768)
	for {
		n, err := r.Read(block)
		sum.Write(block[:n])
		head = append(head, block[:min(n, max(0, 65-len(head)))]...)
		total += n
		if err != nil && total <= 64 {
			return digest(head, err)
		}
		if err != nil {
			return fmt.Sprintf("%d bytes %x %s", total, sum.Sum(nil), class(err))
		}
	}
}

func maxBytes(x *run, n int64) string {
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, n)
	return readAll(x.r.Body)
}

// multipart MEMORY: the fields, and the files left in the temporary folder, which are named for the comparison to look
// at when the handler has returned.
func multipart(x *run, op script.Op) string {
	err := x.r.ParseMultipartForm(int64(op.Int(0)))
	if err != nil {
		return class(err)
	}
	var parts, files []string
	for name, values := range x.r.MultipartForm.Value {
		parts = append(parts, fmt.Sprintf("%s=%q", name, values))
	}
	for name, heads := range x.r.MultipartForm.File {
		for _, head := range heads {
			parts = append(parts, fmt.Sprintf("%s@%s:%d", name, head.Filename, head.Size))
			files = append(files, onDisk(head.Open)...)
		}
	}
	slices.Sort(parts)
	x.p.saw("files", strings.Join(files, "\n"))
	return fmt.Sprintf("%s files=%d", strings.Join(parts, " "), len(files))
}

func onDisk[F io.Closer](open func() (F, error)) []string {
	f, err := open()
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // it was read from at most
	if file, ok := any(f).(*os.File); ok {
		return []string{file.Name()}
	}
	return nil
}

// ended tells why; a cause that says more than net/http's is one all the same.
func ended(ctx context.Context) string {
	err := ctx.Err()
	return fmt.Sprint(class(err), " ", errors.Is(context.Cause(ctx), err))
}

func deadline(ms int) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Duration(ms) * time.Millisecond)
}

// writeUntil tells whether a bound was met, and what it was like; how much the system's own buffers take differs.
func writeUntil(x *run, op script.Op) string {
	block := make([]byte, 65536)
	for total := 0; total < op.Int(0); {
		n, err := x.w.Write(block)
		total += n
		if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			return "stopped by the deadline"
		}
		if err != nil {
			return "stopped"
		}
	}
	return "all written"
}
