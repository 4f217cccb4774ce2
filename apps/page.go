package apps

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"

	"github.com/gwport/gwport/bridge"
)

//go:embed page.html
var layout string

//go:embed page.css
var style string

// page is an HTML page in the apps' common layout.
type page struct {
	title string
	tmpl  *template.Template
}

// newPage takes the page's main part, a template.
func newPage(title, main string) page {
	t := template.Must(template.New("layout").Parse(layout))
	return page{title, template.Must(t.New("main").Parse(main))}
}

// render gives whole bytes rather than writing while it goes: a template that fails half-way must not have sent a 200.
func (p page) render(data any) ([]byte, error) {
	var b bytes.Buffer
	err := p.tmpl.ExecuteTemplate(&b, "layout", map[string]any{
		"Title": p.title, "Style": template.CSS(style), "Data": data,
	})
	return b.Bytes(), err
}

// pageOf is a page as an App's Response.
func pageOf(p page, data any) bridge.Response {
	b, err := p.render(data)
	if err != nil {
		return bridge.Text(500, err.Error())
	}
	return bridge.Bytes(200, "text/html; charset=utf-8", b)
}

func (p page) serve(w http.ResponseWriter, data any) {
	b, err := p.render(data)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b)
}
