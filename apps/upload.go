package apps

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
)

var uploadPage = newPage("upload", `
<p>The file is hashed while it arrives and kept nowhere. It may be of any size.</p>
<form method="post" enctype="multipart/form-data">
<p><input type="file" name="file" aria-label="file" required> <button>Upload</button></p>
</form>
<pre>curl -T big.iso {{.}}</pre>
`)

var errNoFile = errors.New("the form has no file")

// digest is the answer to an upload.
type digest struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// upload takes a bare body, or the form that it shows on GET.
func upload(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, "GET", "HEAD", "POST", "PUT") {
		return
	}
	if r.Method == "GET" || r.Method == "HEAD" {
		uploadPage.serve(w, origin(r)+r.URL.Path)
		return
	}
	sum, err := uploaded(r)
	if err != nil {
		http.Error(w, "upload: "+err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(sum)
}

func uploaded(r *http.Request) (digest, error) {
	if mt, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); mt != "multipart/form-data" {
		return digestOf(r.Body)
	}
	// Not ParseMultipartForm, which keeps files in memory and on disk.
	parts, err := r.MultipartReader()
	if err != nil {
		return digest{}, err
	}
	return firstFile(parts)
}

// firstFile goes on reading to the form's end: a browser shows an error when it is answered before it has sent all.
func firstFile(parts *multipart.Reader) (sum digest, err error) {
	found := false
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) && found {
			return sum, nil
		}
		if errors.Is(err, io.EOF) {
			return digest{}, errNoFile
		}
		if err != nil {
			return digest{}, err
		}
		if found || part.FileName() == "" {
			continue // NextPart skips what is left of a part
		}
		if sum, err = digestOf(part); err != nil {
			return digest{}, err
		}
		found = true
	}
}

func digestOf(r io.Reader) (digest, error) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	return digest{n, hex.EncodeToString(h.Sum(nil))}, err
}
