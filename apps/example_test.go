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
