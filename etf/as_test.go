package etf_test

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

func ExampleLookup() {
	term, _ := etf.Parse(`[debug, {port, 8080}, {host, "localhost"}]`, etf.Limits{})
	port, _ := etf.Lookup(term, etf.Atom("port"))
	n, ok := etf.AsInt(port)
	host, _ := etf.Lookup(term, etf.Atom("host"))
	name, _ := etf.AsString(host)
	debug, _ := etf.Lookup(term, etf.Atom("debug"))
	on, _ := etf.AsBool(debug)
	fmt.Println(n, ok, name, on)
	// Output: 8080 true localhost true
}

func TestAccessorsSayWhatATermIs(t *testing.T) {
	type says struct{ i, f, b, s any }
	huge := new(big.Int).Lsh(big.NewInt(1), 63)
	for _, c := range []struct {
		term any
		want says
	}{
		{int64(7), says{i: int64(7), f: 7.0}},
		{uint64(math.MaxInt64), says{i: int64(math.MaxInt64)}},
		{int64(1<<53 + 1), says{i: int64(1<<53 + 1)}},
		{int64(math.MinInt64), says{i: int64(math.MinInt64), f: -0x1p63}},
		{uint64(1 << 63), says{}},
		{huge, says{}},
		{new(big.Int).Neg(huge), says{i: int64(math.MinInt64), f: -0x1p63}},
		{(*big.Int)(nil), says{}},
		{1.5, says{f: 1.5}},
		{etf.Atom("true"), says{b: true, s: "true"}},
		{false, says{b: false}},
		{etf.Binary("\xff"), says{s: "\xff"}},
		{etf.List{}, says{s: ""}},
		{etf.List{int64('a'), int64(0x10FFFF)}, says{s: "a\U0010FFFF"}},
		{etf.List{int64(0xD800)}, says{}},
		{etf.List{int64(0x110000)}, says{}},
		{etf.List{int64(-1)}, says{}},
		{etf.List{int64(1 << 33)}, says{}},
		{etf.Tuple{etf.List{}}, says{}},
		{nil, says{}},
		{map[string]int{}, says{}},
	} {
		got := says{i: said(etf.AsInt(c.term)), f: said(etf.AsFloat(c.term)), b: said(etf.AsBool(c.term)), s: said(etf.AsString(c.term))}
		require.Equal(t, c.want, got, "%#v", c.term)
	}
}

func said[T comparable](value T, ok bool) any {
	if !ok {
		var zero T
		if value != zero {
			return "not zero"
		}
		return nil
	}
	return value
}

func TestLookupFindsTheFirst(t *testing.T) {
	list := etf.List{int64(1), etf.Tuple{a("x")}, etf.Tuple{a("k"), int64(1)}, a("k"), a("on"), etf.Tuple{etf.List{int64(2)}, b("v")}}
	for _, c := range []struct{ term, key, want any }{
		{list, a("k"), int64(1)},
		{list, a("on"), a("true")},
		{list, etf.List{int64(2)}, b("v")},
		{list, a("x"), nil},
		{list, []int{1}, nil},
		{etf.Map{{etf.List{}, int64(3)}}, etf.List{}, int64(3)},
		{etf.Map{}, a("k"), nil},
		{etf.Improper{}, a("k"), nil},
		{nil, nil, nil},
	} {
		got, ok := etf.Lookup(c.term, c.key)
		require.Equal(t, c.want != nil, ok)
		require.Equal(t, c.want, got)
	}
}
