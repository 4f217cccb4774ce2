package apps

import (
	"context"
	"html"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/erlanggo"
	"github.com/okeuday/erlang_go/v2/erlang"
)

var triplePage = newPage("triple", `
<p>This page is the body of an <code>erlang.OtpErlangTuple</code>, three lists deep.</p>
`)

// triple answers with erlang_go's values, as an app would that was written around them.
var triple = erlanggo.App(func(_ context.Context, env bridge.Environ) any {
	body, err := triplePage.render(nil)
	if err != nil {
		return erlang.OtpErlangTuple{500, list(), err.Error()}
	}
	return erlang.OtpErlangTuple{
		erlang.OtpErlangTuple{200, "Fine"},
		list(
			erlang.OtpErlangTuple{"content-type", "text/html; charset=utf-8"},
			erlang.OtpErlangTuple{"x-erlang-go", "v2"},
		),
		list(
			erlang.OtpErlangBinary{Value: body, Bits: 8},
			list("<!-- asked for with ", list(html.EscapeString(env.Method()), ' ', "-->")),
			'\n',
		),
	}
})

func list(elements ...any) erlang.OtpErlangList {
	return erlang.OtpErlangList{Value: elements}
}
