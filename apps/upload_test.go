package apps

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func put(method, contentType string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/upload", body)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	upload(w, r)
	return w
}

const (
	sumOfHello   = `{"bytes":6,"sha256":"5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"}` + "\n"
	sumOfNothing = `{"bytes":0,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}` + "\n"
)

func TestUpload_answers_with_length_and_digest(t *testing.T) {
	for _, method := range []string{"POST", "PUT"} {
		w := put(method, "", strings.NewReader("hello\n"))
		require.Equal(t, 200, w.Code)
		require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		require.Equal(t, sumOfHello, w.Body.String())
	}
	require.Equal(t, sumOfNothing, put("POST", "text/plain", nil).Body.String())
	require.Equal(t, 405, put("DELETE", "", nil).Code)
}

func form(t *testing.T, parts func(*multipart.Writer)) (contentType string, body io.Reader) {
	t.Helper()
	var b bytes.Buffer
	mw := multipart.NewWriter(&b)
	parts(mw)
	require.NoError(t, mw.Close())
	return mw.FormDataContentType(), &b
}

func addFile(t *testing.T, mw *multipart.Writer, name, content string) {
	t.Helper()
	w, err := mw.CreateFormFile("file", name)
	require.NoError(t, err)
	_, err = io.WriteString(w, content)
	require.NoError(t, err)
}

func TestUpload_takes_the_first_file_of_a_form(t *testing.T) {
	ct, body := form(t, func(mw *multipart.Writer) {
		require.NoError(t, mw.WriteField("comment", strings.Repeat("not a file ", 9999)))
		addFile(t, mw, "hello.txt", "hello\n")
		addFile(t, mw, "other.txt", "another\n")
	})
	w := put("POST", ct, body)
	require.Equal(t, 200, w.Code)
	require.Equal(t, sumOfHello, w.Body.String())
	n, err := body.Read(make([]byte, 1))
	require.Zero(t, n, "the form was not read to its end")
	require.Equal(t, io.EOF, err)
}

func TestUpload_says_what_is_wrong_with_a_form(t *testing.T) {
	ct, body := form(t, func(mw *multipart.Writer) {
		require.NoError(t, mw.WriteField("file", "not a file"))
	})
	w := put("POST", ct, body)
	require.Equal(t, 400, w.Code)
	require.Equal(t, "upload: the form has no file\n", w.Body.String())

	require.Equal(t, 400, put("POST", "multipart/form-data", strings.NewReader("x")).Code)

	ct, body = form(t, func(mw *multipart.Writer) { addFile(t, mw, "a", "hello\n") })
	w = put("POST", ct, io.LimitReader(body, 150))
	require.Equal(t, 400, w.Code, "a form that breaks off")
}

func TestUpload_of_half_a_body_has_no_digest(t *testing.T) {
	w := put("POST", "", io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("client left"))))
	require.Equal(t, 400, w.Code)
	require.Equal(t, "upload: client left\n", w.Body.String())
}

func TestUpload_takes_constant_memory(t *testing.T) {
	const size = 8 << 20
	allocated := func(ct string, body io.Reader) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := put("POST", ct, body)
		runtime.ReadMemStats(&after)
		require.Equal(t, 200, w.Code, w.Body)
		require.Contains(t, w.Body.String(), `{"bytes":8388608,`)
		return after.TotalAlloc - before.TotalAlloc
	}
	require.Less(t, allocated("", newLines(size)), uint64(1<<20), "a bare body")

	ct, empty := form(t, func(mw *multipart.Writer) { addFile(t, mw, "big", "\x00") })
	ends, err := io.ReadAll(empty)
	require.NoError(t, err)
	head, tail, _ := bytes.Cut(ends, []byte{0})
	body := io.MultiReader(bytes.NewReader(head), newLines(size), bytes.NewReader(tail))
	require.Less(t, allocated(ct, body), uint64(1<<20), "a form")
}

func TestUpload_shows_its_form(t *testing.T) {
	w := ask(http.HandlerFunc(upload), "GET", "/upload")
	require.Contains(t, w.Body.String(), `<input type="file"`)
	require.Contains(t, w.Body.String(), "http://example.com/upload")
}
