// The cases of the Autobahn test suite for WebSocket, played by a client of our own.
module github.com/gwport/gwport/test/autobahn

go 1.25

require (
	github.com/coder/websocket v1.8.15
	github.com/gorilla/websocket v1.5.3
	github.com/gwport/gwport v0.0.0
	github.com/gwport/gwport/test/cowboy v0.0.0
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect

replace (
	github.com/gwport/gwport => ../..
	github.com/gwport/gwport/test/cowboy => ../cowboy
)
