// A chat behind Cowboy: a module of its own, so that the WebSocket library that it needs reaches nobody who uses gwport.
module github.com/gwport/gwport/apps/chat

go 1.25

require (
	github.com/coder/websocket v1.8.15
	github.com/gwport/gwport v0.0.0
	github.com/gwport/gwport/test/cowboy v0.0.0-00010101000000-000000000000
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect

replace (
	github.com/gwport/gwport => ../..
	github.com/gwport/gwport/test/cowboy => ../../test/cowboy
)
