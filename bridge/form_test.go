package bridge_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
)

// formOf is a request with a file of n bytes in a multipart form.
func formOf(t *testing.T, path string, n int) bridgetest.Request {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile("file", "a.txt")
	require.NoError(t, err)
	_, _ = part.Write(make([]byte, n))
	require.NoError(t, w.Close())
	return bridgetest.Request{Method: "POST", Path: path, Body: b.Bytes(), Headers: []bridge.Header{
		{Name: "content-type", Value: w.FormDataContentType()},
		{Name: "content-length", Value: fmt.Sprint(b.Len())},
	}}
}

// A form's large files are on disk while the handler runs, and no longer: else a client could fill it.
func TestFilesOfFormsGoWithTheRequest(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requireIs(r.ParseMultipartForm(1000), nil)
		files, err := os.ReadDir(dir)
		requireIs(err, nil)
		_, _ = fmt.Fprint(w, len(files))
		switch r.URL.Path {
		case "/panic":
			panic("boom")
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/goexit":
			runtime.Goexit()
		case "/flushed":
			_ = http.NewResponseController(w).Flush()
			panic("boom")
		}
	})
	for name, handler := range map[string]http.Handler{"handler": handler, "as an App": bridge.AppOf(handler)} {
		t.Run(name, func(t *testing.T) {
			h := newHostOf(t, &bridge.Server{Handler: handler})
			for _, path := range []string{"/", "/panic", "/abort", "/goexit", "/flushed"} {
				res := h.Do(formOf(t, path, 20_000))
				if path == "/" {
					require.Equal(t, "1", string(res.Body), "the file is on disk")
				}
				require.Eventually(t, func() bool {
					files, err := os.ReadDir(dir)
					return err == nil && len(files) == 0
				}, soon, 1e6, path)
			}
		})
	}
}

// The body may still be on its way out of the file when the handler has returned.
func TestFilesOfFormsMayBeTheResponse(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	h := newHost(t, func(w http.ResponseWriter, r *http.Request) {
		f, _, err := r.FormFile("file")
		requireIs(err, nil)
		defer f.Close()
		_, _ = io.Copy(w, f)
	})
	require.Len(t, h.Do(formOf(t, "/", 300_000)).Body, 300_000)
}
