// What a real browser, and npm's ws, see of gwport: the server that the tests beside this file start.
module github.com/gwport/gwport/test/browser

go 1.25

require (
	github.com/coder/websocket v1.8.15
	github.com/gorilla/websocket v1.5.3
	github.com/gwport/gwport v0.0.0
	github.com/gwport/gwport/test/cowboy v0.0.0
)

require github.com/okeuday/erlang_go/v2 v2.0.7 // indirect

replace (
	github.com/gwport/gwport => ../..
	github.com/gwport/gwport/test/cowboy => ../cowboy
)
