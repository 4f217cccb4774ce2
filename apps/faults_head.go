package apps

import (
	"io"
	"net/http"
	"strconv"
	"strings"
)

func (f *faults) status(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	code := p.int("code", 418)
	if p.bad(w) {
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, p.Get("text"))
}

// header goes past Header.Set, which would make names canonical.
func (f *faults) header(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p := paramsOf(r)
	code := p.int("code", http.StatusOK)
	if p.bad(w) {
		return
	}
	for i, name := range q["name"] {
		value := ""
		if i < len(q["value"]) {
			value = q["value"][i]
		}
		w.Header()[name] = append(w.Header()[name], value)
	}
	w.WriteHeader(code)
	_, _ = io.WriteString(w, "see the head\n")
}

// short ignores what Write says, as careless handlers do.
func (f *faults) short(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	declared, sent := p.int("declared", 100), p.int("sent", 10)
	if p.bad(w) {
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(declared))
	_, _ = io.Copy(w, newLines(int64(sent)))
}

func (f *faults) informational(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	count := p.int("count", 1)
	if p.bad(w) {
		return
	}
	w.Header().Set("Link", "</style.css>; rel=preload; as=style")
	for _, cookie := range p.Values["cookie"] {
		w.Header().Add("Set-Cookie", cookie)
	}
	for range count {
		w.WriteHeader(http.StatusEarlyHints)
	}
	_, _ = io.WriteString(w, "hinted\n")
}

func (f *faults) trailers(w http.ResponseWriter, r *http.Request) {
	p := paramsOf(r)
	bytes, announced, panics := p.int("bytes", 0), p.int("announced", 1), p.int("panic", 0)
	if p.bad(w) {
		return
	}
	if announced != 0 {
		w.Header().Set("Trailer", "X-Announced")
	}
	_, _ = io.WriteString(w, "trailers follow\n"+strings.Repeat("x", bytes))
	if announced == 0 || panics != 0 {
		_ = http.NewResponseController(w).Flush()
	}
	if announced != 0 {
		w.Header().Set("X-Announced", "yes")
	}
	w.Header().Set(http.TrailerPrefix+"X-Late", "yes")
	if panics != 0 {
		panic("trailers")
	}
}
