// Package etfbench measures etf beside other codecs, on equal data: erlang_go, ergo's etf, fxamacker/cbor,
// encoding/json, and Erlang's own. `make bench-etf` runs it. It is a module of its own, so that nothing it needs
// reaches those who use gwport.
package etfbench
