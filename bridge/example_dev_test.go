package bridge_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gwport/gwport/bridge"
)

// A handler that says more in development, which no other server's requests are.
func ExampleDev() {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := fmt.Errorf("no table orders"); bridge.Dev(r.Context()) {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.Error(w, "Please try again later", http.StatusInternalServerError)
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/orders", nil))
	fmt.Print(w.Code, " ", w.Body)
	// Output: 500 Please try again later
}
