package etf_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// packed compresses a term that stands behind its version byte, as Erlang does.
func packed(t testing.TB, data string) string {
	t.Helper()
	var out bytes.Buffer
	out.WriteString("\x83P")
	out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(data)-1)))
	z := zlib.NewWriter(&out)
	_, err := z.Write([]byte(data[1:]))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.String()
}

func decodeBoth(t testing.TB, o etf.Options, data string) (any, error) {
	t.Helper()
	term, err := o.Decode([]byte(data))
	require.Equal(t, err, o.Valid(data))
	return term, err
}

func TestCompressedTermsAreReadWhereTheyAreAllowed(t *testing.T) {
	data := packed(t, requestTerm())
	_, err := decodeBoth(t, etf.Options{}, data)
	require.ErrorContains(t, err, "compressed term")
	want, err := etf.Decode([]byte(requestTerm()), etf.Limits{})
	require.NoError(t, err)
	o := etf.Options{AllowCompressed: true}
	term, err := decodeBoth(t, o, data)
	require.NoError(t, err)
	require.Equal(t, want, term)
	term, err = decodeBoth(t, o, requestTerm())
	require.NoError(t, err)
	require.Equal(t, want, term)
	for n := range len(data) {
		_, err = decodeBoth(t, o, data[:n])
		require.Error(t, err)
	}
	_, err = decodeBoth(t, o, data+"x")
	require.Equal(t, &etf.SyntaxError{Offset: len(data), Msg: "bytes behind the term"}, err)
	term, n, err := o.DecodeFirst([]byte(data + "x"))
	require.NoError(t, err)
	require.Equal(t, want, term)
	require.Equal(t, len(data), n)
}

func TestCompressedTermsThatLieAreRefused(t *testing.T) {
	good := packed(t, "\x83l\x00\x00\x00\x02a\x05jj")
	o := etf.Options{AllowCompressed: true}
	_, err := decodeBoth(t, o, good)
	require.NoError(t, err)
	for name, data := range map[string]string{
		"a length one too small": good[:5] + string(good[5]-1) + good[6:],
		"a length one too large": good[:5] + string(good[5]+1) + good[6:],
		"a length of 4 GiB":      good[:2] + "\xff\xff\xff\xff" + good[6:],
		"a length of 10 MiB":     good[:2] + "\x00\xa0\x00\x00" + good[6:],
		"a wrong checksum":       good[:len(good)-1] + string(good[len(good)-1]^1),
		"no zlib":                good[:6] + "\x00\x00" + good[8:],
		"one within another":     packed(t, good),
		"no term":                packed(t, "\x83\x00"),
		"bytes behind the term":  packed(t, "\x83jj"),
		"a version byte within":  packed(t, "\x83\x83j"),
	} {
		t.Run(name, func(t *testing.T) {
			spent := allocated(func() {
				_, err := decodeBoth(t, o, data)
				require.Error(t, err)
				require.True(t, strings.HasPrefix(err.Error(), "etf: "))
			})
			require.Less(t, spent, uint64(1<<20))
		})
	}
}

func TestMaxBytesHoldsForWhatIsInflated(t *testing.T) {
	term := string(etf.AppendBinary(etf.AppendVersion(nil), make([]byte, 10_000)))
	data := packed(t, term)
	require.Less(t, len(data), 100)
	o := etf.Options{Limits: etf.Limits{MaxBytes: len(term)}, AllowCompressed: true}
	_, err := decodeBoth(t, o, data)
	require.NoError(t, err)
	o.MaxBytes--
	_, err = decodeBoth(t, o, data)
	require.Equal(t, &etf.LimitError{Limit: "MaxBytes", Max: len(term) - 1, Got: len(term)}, err)
}

func TestDuplicateKeysAreKeptWhereTheyAreAllowed(t *testing.T) {
	for _, m := range mapKeys {
		term, err := decodeBoth(t, etf.Options{AllowDuplicateKeys: true}, string(unhex(t, m.hex)))
		require.NoError(t, err, m.name)
		require.IsType(t, etf.Map{}, term)
	}
	data := string(unhex(t, mapKeys[0].hex))
	term, err := decodeBoth(t, etf.Options{AllowDuplicateKeys: true}, data)
	require.NoError(t, err)
	require.Equal(t, etf.Map{{Key: etf.Binary("a"), Value: int64(1)}, {Key: etf.Binary("a"), Value: int64(2)}}, term)
}

func TestTrailingBytesAreIgnoredWhereTheyAreAllowed(t *testing.T) {
	_, err := decodeBoth(t, etf.Options{}, "\x83ja")
	require.Equal(t, &etf.SyntaxError{Offset: 2, Msg: "bytes behind the term"}, err)
	term, err := decodeBoth(t, etf.Options{AllowTrailing: true}, "\x83ja")
	require.NoError(t, err)
	require.Equal(t, etf.List{}, term)
	data := []byte("\x83a\x05\x83a\x06")
	o := etf.Options{Limits: etf.Limits{MaxBytes: 3}}
	first, n, err := o.DecodeFirst(data)
	require.NoError(t, err, "MaxBytes is of the term, and not of those behind it")
	require.Equal(t, int64(5), first)
	require.Equal(t, 3, n)
	second, n, err := o.DecodeFirst(data[n:])
	require.NoError(t, err)
	require.Equal(t, int64(6), second)
	require.Equal(t, 3, n)
	_, _, err = o.DecodeFirst([]byte("\x83h\x01j"))
	require.Error(t, err, "a term of four bytes")
}
