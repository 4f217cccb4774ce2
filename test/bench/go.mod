// The bench is a module of its own, so that nothing it needs reaches those who use gwport.
module github.com/gwport/gwport/test/bench

go 1.25

require (
	github.com/coder/websocket v1.8.15
	github.com/gwport/gwport v0.0.0
	github.com/okeuday/erlang_go/v2 v2.0.7
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect

replace github.com/gwport/gwport => ../..
