package etf_test

import (
	"fmt"
	"os"
	"time"

	"github.com/gwport/gwport/etf"
)

// A sys.config, read into a struct.
func ExampleParseFile_sysConfig() {
	var config struct {
		_     struct{} `etf:",proplist"`
		MyApp struct {
			_       struct{} `etf:",proplist"`
			Port    uint16
			Hosts   []string `etf:",charlist"`
			Timeout time.Duration
			TLS     bool
		} `etf:"myapp"`
	}
	text, err := os.ReadFile("testdata/sys.config")
	if err != nil {
		panic(err)
	}
	terms, err := etf.ParseFile(text, etf.Limits{})
	if err != nil {
		panic(err)
	}
	data, err := etf.Marshal(terms[0])
	if err != nil {
		panic(err)
	}
	if err := etf.Unmarshal(data, &config); err != nil {
		panic(err)
	}
	app := config.MyApp
	fmt.Println(app.Port, app.Hosts, app.Timeout, app.TLS)
	// Output: 8080 [a.example b.example] 5s true
}
