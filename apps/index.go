package apps

import (
	"fmt"
	"net/http"
)

var indexPage = newPage("gwport", `
<p>Go apps behind Cowboy, each in the one port program:</p>
<table>{{range .}}<tr><th><a href="/{{.Name}}">{{.Name}}</a></th><td>{{.Summary}}</td></tr>
{{end}}</table>
`)

// Index is the page at "/", for a program that serves Handlers and nothing else. To who does not ask for HTML
// it gives a line for each app: its name, a tab, its sentence.
func Index() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		if wantsHTML(r) {
			indexPage.serve(w, All())
			return
		}
		for _, a := range All() {
			fmt.Fprintf(w, "%s\t%s\n", a.Name, a.Summary)
		}
	})
}
