package apps_test

import (
	"fmt"
	"net/http/httptest"

	"github.com/gwport/gwport/apps"
)

func ExampleHandlers() {
	hello := apps.Handlers()["hello"]
	w := httptest.NewRecorder()
	hello.ServeHTTP(w, httptest.NewRequest("GET", "/hello?name=Joe", nil))
	fmt.Print(w.Body)
	// Output: Hello Joe from Go
}

// The bundled apps, each with the sentence that says what it is.
func ExampleAll() {
	for _, app := range apps.All() {
		if app.Name == "echo" {
			fmt.Println(app.Summary)
		}
	}
	// Output: Sends the request's body back while it arrives.
}
