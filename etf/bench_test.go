package etf_test

import (
	"testing"

	"github.com/okeuday/erlang_go/v2/erlang"
	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// pairsTerm is the request with its map as a list of pairs, which erlang_go can
// read: it has no map with binary keys.
func pairsTerm(t testing.TB) []byte {
	t.Helper()
	term, err := etf.Decode([]byte(requestTerm()), etf.Limits{})
	require.NoError(t, err)
	var pairs etf.List
	for _, p := range term.(etf.Map) {
		pairs = append(pairs, etf.Tuple{p.Key, p.Value})
	}
	data, err := etf.Append(etf.AppendVersion(nil), pairs)
	require.NoError(t, err)
	return data
}

func bench(b *testing.B, size int, f func() error) {
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	data := requestTerm()
	bytes := []byte(data)
	b.Run("request/valid", func(b *testing.B) {
		bench(b, len(data), func() error { return etf.Valid(data, etf.Limits{}) })
	})
	b.Run("request/skip", func(b *testing.B) {
		bench(b, len(data), func() error { return skipAll(data) })
	})
	b.Run("request/reader", func(b *testing.B) {
		req := request{headers: make([][2]string, 0, 16)}
		bench(b, len(data), func() error {
			req.headers = req.headers[:0]
			return readRequest(data, &req)
		})
	})
	b.Run("request/copy+valid+reader", func(b *testing.B) {
		bench(b, len(data), func() error {
			req := request{headers: make([][2]string, 0, 16)}
			s := string(bytes)
			if err := etf.Valid(s, etf.Limits{}); err != nil {
				return err
			}
			return readRequest(s, &req)
		})
	})
	b.Run("request/generic", func(b *testing.B) {
		bench(b, len(data), func() error {
			_, err := etf.Decode(bytes, etf.Limits{})
			return err
		})
	})
	pairs := pairsTerm(b)
	b.Run("pairs/generic", func(b *testing.B) {
		bench(b, len(pairs), func() error {
			_, err := etf.Decode(pairs, etf.Limits{})
			return err
		})
	})
	b.Run("pairs/erlang_go", func(b *testing.B) {
		bench(b, len(pairs), func() error {
			_, err := erlang.BinaryToTerm(pairs)
			return err
		})
	})
}

// BenchmarkEncode writes a small response: {200, Headers, Body}.
func BenchmarkEncode(b *testing.B) {
	response := etf.Tuple{int64(200), etf.List{}, etf.Binary("Hello, world")}
	list := etf.List{}
	for _, h := range headers {
		list = append(list, etf.Tuple{etf.Binary(h[0]), etf.Binary(h[1])})
	}
	response[1] = list
	dst, err := etf.Append(nil, response)
	require.NoError(b, err)
	size := len(dst)
	b.Run("response/append", func(b *testing.B) {
		bench(b, size, func() error {
			b := etf.AppendInt(etf.AppendTuple(etf.AppendVersion(dst[:0]), 3), 200)
			b = etf.AppendList(b, len(headers))
			for i := range headers {
				b = etf.AppendBinary(etf.AppendBinary(etf.AppendTuple(b, 2), headers[i][0]), headers[i][1])
			}
			dst = etf.AppendBinary(etf.AppendNil(b), "Hello, world")
			return nil
		})
	})
	b.Run("response/generic", func(b *testing.B) {
		bench(b, size, func() error {
			dst, err = etf.Append(etf.AppendVersion(dst[:0]), response)
			return err
		})
	})
	peer := toPeer(response)
	b.Run("response/erlang_go", func(b *testing.B) {
		bench(b, size, func() error {
			_, err := erlang.TermToBinary(peer, -1)
			return err
		})
	})
}
