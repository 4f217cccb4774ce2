package apps

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTriple_is_the_response(t *testing.T) {
	w := ask(triple, "GET", "/triple")
	require.Equal(t, 200, w.Code)
	require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	require.Equal(t, "v2", w.Header().Get("X-Erlang-Go"))
	require.Contains(t, w.Body.String(), "</html>\n<!-- asked for with GET -->\n")
}
