// Starts a real Cowboy for the Go modules beside it, which take it by `replace`.
module github.com/gwport/gwport/test/cowboy

go 1.25

require github.com/stretchr/testify v1.12.1

require go.yaml.in/yaml/v3 v3.0.5 // indirect
