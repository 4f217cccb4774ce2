// Old programs under the host of today, and programs of today under an old host.
module github.com/gwport/gwport/test/versions

go 1.25

require (
	github.com/gwport/gwport v0.0.0
	github.com/gwport/gwport/test/cowboy v0.0.0
	github.com/stretchr/testify v1.12.1
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect

replace (
	github.com/gwport/gwport => ../..
	github.com/gwport/gwport/test/cowboy => ../cowboy
)
