// connectrpc's conformance suite against its own reference server behind gwport, in minutes: `make test-long`.
module github.com/gwport/gwport/test/long/conformance

go 1.25

require (
	github.com/gwport/gwport/test/cowboy v0.0.0
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect

replace github.com/gwport/gwport/test/cowboy => ../../cowboy
