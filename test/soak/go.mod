// The soak is a module of its own, so that nothing it needs reaches those who use gwport.
module github.com/gwport/gwport/test/soak

go 1.25

require (
	github.com/gwport/gwport v0.0.0
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect

replace github.com/gwport/gwport => ../..
