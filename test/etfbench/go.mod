module github.com/gwport/gwport/test/etfbench

go 1.25

require (
	github.com/ergo-services/ergo v1.999.224
	github.com/fxamacker/cbor/v2 v2.10.0
	github.com/gwport/gwport v0.0.0
	github.com/okeuday/erlang_go/v2 v2.0.7
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/x448/float16 v0.8.4 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)

replace github.com/gwport/gwport => ../..
