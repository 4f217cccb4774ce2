package etf_test

import (
	"encoding/binary"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// large is what a byte of a term becomes 4000 bytes by.
type large [4000]byte

func (l *large) ReadETF(r *etf.Reader) error { return r.Skip() }

// Large is exported, so that a pointer to it can be embedded.
type Large struct {
	Bytes large `etf:"bytes"`
}

// What a Go value takes and its term does not is counted before it is allocated.
func TestMaxMemoryHoldsForAllThatUnmarshalAllocates(t *testing.T) {
	type embedding struct {
		_ struct{} `etf:",proplist"`
		*Large
	}
	properties := make(etf.List, 1000)
	for i := range properties {
		properties[i] = etf.List{etf.Tuple{a("bytes"), 1}}
	}
	pairs := etf.Map{}
	for i := range 1000 {
		pairs = append(pairs, etf.Pair{Key: i, Value: 1})
	}
	for name, c := range map[string]struct {
		term  any
		fresh func() any
	}{
		"pointers":                   {etf.List(repeat(1000, etf.Atom("a"))), func() any { return new([]*large) }},
		"embedded pointers":          {properties, func() any { return new([]embedding) }},
		"values of a map":            {pairs, func() any { return new(map[int]large) }},
		"values of a proplist's map": {etf.Tuple{etf.List(tuples(pairs))}, func() any { return new(propertiesOf) }},
	} {
		t.Run(name, func(t *testing.T) {
			data := term(t, c.term)
			enough, tooLittle := c.fresh(), c.fresh()
			require.NoError(t, etf.Options{Limits: etf.Limits{MaxMemory: 24 << 20}}.Unmarshal(data, enough))
			var limit *etf.LimitError
			spent := allocated(func() {
				require.ErrorAs(t, etf.Options{Limits: etf.Limits{MaxMemory: 1 << 20}}.Unmarshal(data, tooLittle), &limit)
			})
			require.Equal(t, "MaxMemory", limit.Limit)
			require.Less(t, spent, uint64(3<<20), "what is taken and the tables of a map that grows")
		})
	}
}

type propertiesOf struct {
	_ struct{}      `etf:",tuple"`
	M map[int]large `etf:"m,proplist"`
}

func tuples(m etf.Map) (list []any) {
	for _, p := range m {
		list = append(list, etf.Tuple{p.Key, p.Value})
	}
	return list
}

// MaxBytes is of the first term where those behind it are let pass, for every reader.
func TestMaxBytesIsOfTheTermWhereMoreMayFollow(t *testing.T) {
	o := etf.Options{Limits: etf.Limits{MaxBytes: 8}, AllowTrailing: true, AllowCompressed: true}
	within, beyond := "\x83m\x00\x00\x00\x02ab", "\x83m\x00\x00\x00\x03abc"
	for _, behind := range []string{"", "x", strings.Repeat("x", 100)} {
		_, err := decodeBoth(t, o, within+behind)
		require.NoError(t, err)
		require.NoError(t, o.Unmarshal([]byte(within+behind), new(string)))
		want := &etf.LimitError{Limit: "MaxBytes", Max: 8, Got: 9}
		_, err = decodeBoth(t, o, beyond+behind)
		require.Equal(t, want, err)
		for _, into := range []any{new(string), new(any), new(etf.RawTerm)} {
			var got *etf.LimitError
			require.ErrorAs(t, o.Unmarshal([]byte(beyond+behind), into), &got, "%T", into)
			require.Equal(t, want, got)
		}
	}
	// What is cut off within the bytes that there are is no larger for it.
	var syntax *etf.SyntaxError
	require.ErrorAs(t, o.Unmarshal([]byte(within[:7]), new(string)), &syntax)
	_, err := decodeBoth(t, o, within[:7])
	require.ErrorAs(t, err, &syntax)
}

func TestMaxBytesIsOfACompressedTermWhereMoreMayFollow(t *testing.T) {
	data := packed(t, "\x83m\x00\x00\x00\x02ab")
	o := etf.Options{AllowTrailing: true, AllowCompressed: true}
	for most, fits := range map[int]bool{len(data): true, len(data) - 1: false} {
		o.MaxBytes = most
		_, err := decodeBoth(t, o, data+"x")
		unmarshalErr := o.Unmarshal([]byte(data+"x"), new(string))
		if fits {
			require.NoError(t, err)
			require.NoError(t, unmarshalErr)
			continue
		}
		want := &etf.LimitError{Limit: "MaxBytes", Max: most, Got: most + 1}
		require.Equal(t, want, err)
		require.ErrorContains(t, unmarshalErr, want.Error()[len("etf: "):])
	}
}

// What follows the first of many terms is neither copied nor kept.
func TestDecodeFirstCopiesNoMoreThanTheTerm(t *testing.T) {
	o := etf.Options{Limits: etf.Limits{MaxBytes: 1 << 30, MaxMemory: 1 << 10}}
	data := append([]byte("\x83m\x00\x00\x00\x02ab"), make([]byte, 4<<20)...)
	spent := allocated(func() {
		term, n, err := o.DecodeFirst(data)
		require.NoError(t, err)
		require.Equal(t, b("ab"), term)
		require.Equal(t, 8, n)
	})
	require.Less(t, spent, uint64(64<<10))
	long := append([]byte("\x83m\x00\x00\x04\x00"), make([]byte, 2<<10)...)
	_, _, err := o.DecodeFirst(long)
	require.ErrorContains(t, err, "limit MaxMemory is 1024, got ")
}

// A big integer of zeros is small, and its bytes are as many.
func TestMaxBigBytesHoldsForWhatFitsASmallInteger(t *testing.T) {
	zeros := func(n int) []byte {
		return append([]byte("\x83o"), append(binary.BigEndian.AppendUint32(nil, uint32(n)), make([]byte, n+1)...)...)
	}
	o := etf.Options{Limits: etf.Limits{MaxBigBytes: 9}}
	for _, into := range []any{new(int8), new(int64), new(uint64), new(float64), new(time.Duration), new(big.Int), new(any)} {
		require.NoError(t, o.Unmarshal(zeros(9), into), "%T", into)
		require.ErrorContains(t, o.Unmarshal(zeros(10), into), "limit MaxBigBytes is 9, got 10", "%T", into)
	}
}

func TestMaxMemoryHoldsForWhatIsInflated(t *testing.T) {
	plain := string(etf.AppendBinary(etf.AppendVersion(nil), make([]byte, 100_000)))
	data := packed(t, plain)
	o := etf.Options{Limits: etf.Limits{MaxMemory: 100_000}, AllowCompressed: true}
	spent := allocated(func() {
		_, err := decodeBoth(t, o, data)
		require.ErrorContains(t, err, "limit MaxMemory is 100000, got 100006")
		require.ErrorContains(t, o.Unmarshal([]byte(data), new(string)), "limit MaxMemory is 100000, got 100006")
	})
	require.Less(t, spent, uint64(50_000))
	o.MaxMemory = 2 * len(plain)
	require.NoError(t, o.Unmarshal([]byte(data), new(string)))
	require.Less(t, allocated(func() {
		_, err := o.Decode([]byte(data))
		require.NoError(t, err)
	}), uint64(len(plain)+60_000), "once what it is inflated to, and what zlib needs")
}

// chain is a struct in a struct, and so on.
type chain struct {
	Next *chain
}

func TestAKeyThatIsTwiceAmongStrangersIsFoundAtAnyDepth(t *testing.T) {
	// At each level a key that a field has, and two that none has.
	deep := func(at int, other etf.Atom) []byte {
		var v any = etf.Map{}
		for level := range 50 {
			strange := a("y")
			if level == at {
				strange = other
			}
			v = etf.Map{{a("x"), 1}, {a("next"), v}, {strange, 2}}
		}
		return term(t, v)
	}
	for _, at := range []int{0, 25, 49} {
		require.NoError(t, etf.Unmarshal(deep(at, "z"), new(chain)))
		require.ErrorContains(t, etf.Unmarshal(deep(at, "x"), new(chain)), "key that is in its map twice")
	}
}
