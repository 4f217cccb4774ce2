package etf_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

func seed(f *testing.F) {
	for _, g := range goldens {
		if len(g.latin1) < 1000 {
			f.Add(unhex(f, g.latin1))
			f.Add(unhex(f, g.utf8))
		}
	}
	for _, o := range opaque {
		f.Add(append([]byte{131}, unhex(f, o.hex)...))
	}
	for _, x := range foreign {
		f.Add(unhex(f, x.hex))
	}
	for _, m := range malformed {
		f.Add(unhex(f, m.hex))
	}
	for _, m := range mapKeys {
		f.Add(unhex(f, m.hex))
	}
	for _, h := range hostile() {
		f.Add([]byte(h[:min(len(h), 300)]))
	}
	f.Add([]byte(requestTerm()))
	f.Add([]byte(nested(64)))
	f.Add([]byte(nested(65)))
	for _, data := range found(f) {
		f.Add(data)
	}
}

// found returns what testdata/found.txt has for a target.
func found(f *testing.F) (all [][]byte) {
	f.Helper()
	file, err := os.ReadFile("testdata/found.txt")
	require.NoError(f, err)
	for line := range strings.Lines(string(file)) {
		if quoted, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), f.Name()+" "); ok {
			data, err := strconv.Unquote(quoted)
			require.NoError(f, err)
			all = append(all, []byte(data))
		}
	}
	require.NotEmpty(f, all)
	return all
}

// What Valid accepts, everyone can read; what it refuses, Decode refuses.
func FuzzValid(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		valid := etf.Valid(string(data), etf.Limits{})
		term, err := etf.Decode(data, etf.Limits{})
		require.Equal(t, valid, err)
		if err != nil {
			require.Nil(t, term)
			return
		}
		require.NotNil(t, term)
		require.NoError(t, skipAll(string(data)))
		r, err := etf.NewReader(string(data))
		require.NoError(t, err)
		require.NotEqual(t, etf.KindNone, r.Kind())
	})
}

// What was decoded is written so that it decodes to the same, and from then on
// to the same bytes: also where options let pass what Erlang has not.
func FuzzRoundTrip(f *testing.F) {
	seed(f)
	for _, c := range noTerms {
		f.Add([]byte("\x83" + c.data))
	}
	f.Add([]byte("\x83F" + nanBits))
	f.Fuzz(func(t *testing.T, data []byte) {
		if term, again := roundTrip(t, etf.Options{}, data); term != nil {
			require.Equal(t, term, again)
		}
		roundTrip(t, etf.Options{AllowNonFinite: true, AllowNonUTF8Atoms: true}, data)
	})
}

func roundTrip(t *testing.T, o etf.Options, data []byte) (first, second any) {
	first, err := o.Decode(data)
	require.Equal(t, err, o.Valid(string(data)))
	if err != nil {
		return nil, nil
	}
	written, err := o.Append(etf.AppendVersion(nil), first)
	require.NoError(t, err)
	second, err = o.Decode(written)
	require.NoError(t, err)
	again, err := o.Append(etf.AppendVersion(nil), second)
	require.NoError(t, err)
	require.Equal(t, written, again)
	return first, second
}

// Any calls on any bytes: no panic, an error moves nothing, and no call moves
// back or past the end.
func FuzzReader(f *testing.F) {
	for _, g := range goldens {
		if len(g.latin1) < 1000 {
			f.Add(unhex(f, g.latin1), []byte{4, 5, 4, 8, 9, 6, 6, 7, 0, 1, 2, 3})
		}
	}
	f.Add([]byte("\x83k\x00\x03abc"), []byte{5, 0, 7, 8, 9, 10, 0, 0, 0, 6})
	f.Add([]byte(requestTerm()), []byte{4, 3, 3, 3, 3, 3, 3, 3, 3})
	f.Fuzz(func(t *testing.T, data, calls []byte) {
		r, err := etf.NewReader(string(data))
		if err != nil {
			return
		}
		dst := []byte("kept")
		for _, c := range calls[:min(len(calls), 64)] {
			before, kind := r, r.Kind()
			err := call(&r, c, &dst)
			require.Equal(t, "kept", string(dst[:4]))
			require.LessOrEqual(t, len(dst), 4+r.Offset())
			require.GreaterOrEqual(t, r.Offset(), before.Offset())
			require.LessOrEqual(t, r.Offset(), len(data))
			if err != nil {
				require.True(t, before == r, "call %d moved on %v", c, err)
				require.Equal(t, kind, r.Kind())
			}
		}
	})
}

func call(r *etf.Reader, c byte, dst *[]byte) (err error) {
	switch c % 11 {
	case 0:
		_, err = r.Int()
	case 1:
		_, err = r.Float()
	case 2:
		_, err = r.Atom()
	case 3:
		_, err = r.Binary()
	case 4:
		_, err = r.Map()
	case 5:
		_, err = r.List()
	case 6:
		err = r.EndList()
	case 7:
		*dst, err = r.AppendIodata(*dst)
	case 8:
		_, err = r.Tuple()
	case 9:
		err = r.Skip()
	case 10:
		err = r.End()
	}
	return err
}

// FuzzUnmarshal reads any bytes into a type of every kind: what is accepted is a
// term to Valid as well, and is the same after it was written and read again.
func FuzzUnmarshal(f *testing.F) {
	for _, c := range bothWays() {
		f.Add(term(f, c.term))
	}
	for _, data := range found(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, c := range bothWays() {
			into := c.fresh()
			if etf.Unmarshal(data, into) != nil {
				continue
			}
			require.NoError(t, etf.Valid(string(data), etf.Limits{}))
			again, err := etf.Marshal(into)
			require.NoError(t, err)
			twice := c.fresh()
			require.NoError(t, etf.Unmarshal(again, twice))
			more, err := etf.Marshal(twice)
			require.NoError(t, err)
			require.Equal(t, again, more)
		}
	})
}
