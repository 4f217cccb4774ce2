package bridge

import (
	"fmt"
	"io"
)

// explain tells somebody who has started the program by hand what it is.
func explain(w io.Writer, name string) {
	fmt.Fprintf(w, `%[1]s is a gwport port program. An Erlang system starts it, forwards requests
to its standard input and reads the answers from its standard output; by hand
it has nothing to serve. To try it without Erlang, let it serve HTTP itself:

    GWPORT_HTTP=127.0.0.1:8080 %[1]s

Several apps are at /NAME/ then, or where GWPORT_HTTP_ROUTES=/shop=shop,/=front
has them.
`, name)
}
