package apps

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func askFiles(method, path string, header ...string) (code int, h http.Header, body string) {
	w := ask(http.HandlerFunc(files), method, path, header...)
	return w.Code, w.Header(), w.Body.String()
}

func TestFiles_lists_what_it_has(t *testing.T) {
	_, _, body := askFiles("GET", "/files")
	for _, link := range []string{"/files/hello.txt", "/files/words.csv", "/files/gwport.svg", "/files/big?bytes=1073741824"} {
		require.Contains(t, body, `<a href="`+link+`">`)
	}
}

func TestFiles_serves_files_and_ranges_of_them(t *testing.T) {
	code, h, body := askFiles("GET", "/files/hello.txt")
	require.Equal(t, 200, code)
	require.Equal(t, "text/plain; charset=utf-8", h.Get("Content-Type"))
	require.Equal(t, "A file from inside the program.\n", body)

	code, h, body = askFiles("GET", "/files/hello.txt", "Range", "bytes=2-5")
	require.Equal(t, 206, code)
	require.Equal(t, "bytes 2-5/32", h.Get("Content-Range"))
	require.Equal(t, "file", body)

	code, h, body = askFiles("HEAD", "/files/gwport.svg")
	require.Equal(t, 200, code)
	require.Equal(t, "image/svg+xml", h.Get("Content-Type"))
	require.NotEmpty(t, h.Get("Content-Length"))
	require.Empty(t, body)
}

func TestFiles_serves_nothing_else(t *testing.T) {
	for _, path := range []string{"/files/none", "/files/../files.go", "/files/%2e%2e/files.go", "/files/sample/hello.txt", "/files/files/hello.txt"} {
		code, _, _ := askFiles("GET", path)
		require.Equal(t, 404, code, path)
	}
	code, _, _ := askFiles("POST", "/files/hello.txt")
	require.Equal(t, 405, code)
}

func TestBig_is_what_seq_writes(t *testing.T) {
	for path, want := range map[string]string{
		// seq -f %015.0f 0 65535 | sha256sum
		"/files/big":               "f879b2e770d4e56cb2bdb4ebcc16a7d95ad955923b7845bfc6ce1f8eb525dab8",
		"/files/big?bytes=1048576": "f879b2e770d4e56cb2bdb4ebcc16a7d95ad955923b7845bfc6ce1f8eb525dab8",
		// seq -f %015.0f 0 62500 | head -c 1000001 | sha256sum
		"/files/big?bytes=1000001": "0e355d36063fef5b653f656c846e3cb617146a5033dd30f274a91920a8157436",
		"/files/big?bytes=0":       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	} {
		code, h, body := askFiles("GET", path)
		require.Equal(t, 200, code)
		require.Equal(t, "application/octet-stream", h.Get("Content-Type"))
		sum := sha256.Sum256([]byte(body))
		require.Equal(t, want, hex.EncodeToString(sum[:]), path)
	}
}

func TestBig_has_a_limit(t *testing.T) {
	code, h, _ := askFiles("HEAD", "/files/big?bytes=17179869184")
	require.Equal(t, 200, code)
	require.Equal(t, "17179869184", h.Get("Content-Length"))
	for _, n := range []string{"17179869185", "-1", "x", "1e3", "99999999999999999999"} {
		code, _, body := askFiles("GET", "/files/big?bytes="+n)
		require.Equal(t, 400, code, n)
		require.Equal(t, "files: bytes is an integer from 0 to 17179869184\n", body)
	}
}

func TestBig_has_ranges(t *testing.T) {
	code, h, body := askFiles("GET", "/files/big?bytes=17179869184", "Range", "bytes=-20")
	require.Equal(t, 206, code)
	require.Equal(t, "bytes 17179869164-17179869183/17179869184", h.Get("Content-Range"))
	require.Equal(t, "822\n000001073741823\n", body)

	etag := h.Get("ETag")
	code, _, body = askFiles("GET", "/files/big?bytes=100", "Range", "bytes=14-33", "If-Range", `"big-100"`)
	require.Equal(t, 206, code)
	require.Equal(t, "0\n000000000000001\n00", body)
	code, _, _ = askFiles("GET", "/files/big?bytes=100", "Range", "bytes=14-33", "If-Range", etag)
	require.Equal(t, 200, code, "the other size's ETag")
	code, _, _ = askFiles("GET", "/files/big?bytes=100", "Range", "bytes=100-")
	require.Equal(t, 416, code)
}
