package etf_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/etf"
)

// level is a byte with a name.
type level uint8

func TestArraysOfNamedBytesAreBinaries(t *testing.T) {
	got := read[[4]level](t, etf.Options{}, b("\x01\x02\x03\x04"))
	require.Equal(t, [4]level{1, 2, 3, 4}, got)
	data, err := etf.Marshal(got)
	require.NoError(t, err)
	require.Equal(t, term(t, b("\x01\x02\x03\x04")), data)
	require.ErrorContains(t, etf.Unmarshal(term(t, b("abc")), &got), "binary of 3 bytes where 4 are wanted")
}

// written is a term that a method writes.
type written string

func (w written) AppendETF(dst []byte) ([]byte, error) { return append(dst, w...), nil }

// returned is one that a method returns.
type returned string

func (r returned) MarshalETF() ([]byte, error) { return []byte(r), nil }

// What others have written is looked at as what Marshal writes itself.
func TestMarshalRefusesAKeyThatIsThereTwiceInWhatOthersWrote(t *testing.T) {
	twice := "t\x00\x00\x00\x02a\x01ja\x01j"
	for name, v := range map[string]any{
		"Raw":                  etf.Raw(twice),
		"Raw in a struct":      struct{ R etf.Raw }{etf.Raw(twice)},
		"Raw within a term":    etf.Tuple{etf.Raw(twice)},
		"RawTerm":              etf.RawTerm(twice),
		"RawTerm in a struct":  struct{ R etf.RawTerm }{etf.RawTerm(twice)},
		"Appender":             written(twice),
		"Marshaler":            returned("\x83" + twice),
		"a map within another": written("t\x00\x00\x00\x01j" + twice),
	} {
		_, err := etf.Marshal(v)
		require.ErrorContains(t, err, "key that is in its map twice", name)
		_, err = etf.Options{AllowDuplicateKeys: true}.Marshal(v)
		require.NoError(t, err, name)
	}
	_, err := etf.Marshal(etf.RawTerm("t\x00\x00\x00\x02a\x01ja\x02j"))
	require.NoError(t, err)
}

// To look for keys costs stack, so that not any depth may come from elsewhere.
func TestWhatOthersWroteIsNoDeeperThanAppendWrites(t *testing.T) {
	for deep, fits := range map[string]bool{nested(1 << 16)[1:]: true, nested(1<<16 + 1)[1:]: false} {
		_, appendErr := etf.Append(nil, etf.Raw(deep))
		for _, v := range []any{etf.Raw(deep), etf.RawTerm(deep), written(deep)} {
			_, err := etf.Marshal(v)
			require.Equal(t, fits, err == nil, err)
			require.Equal(t, fits, appendErr == nil, appendErr)
		}
	}
}

// Nothing tells where a LOCAL_EXT ends, so that nothing can stand behind it.
func TestMarshalWritesALocalTermOnlyAlone(t *testing.T) {
	const local = etf.Raw("y\x00anything")
	o := etf.Options{AllowLocal: true}
	raw := local
	for _, v := range []any{local, &raw} {
		data, err := o.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, "\x83"+string(local), string(data))
		_, err = etf.Marshal(v)
		require.Error(t, err)
	}
	for _, v := range []any{
		etf.Tuple{local, 1}, etf.List{local}, etf.Map{{1, local}}, []any{local}, map[string]any{"a": local},
		struct{ R etf.Raw }{local}, struct{ R any }{local}, []etf.Raw{local},
	} {
		_, err := o.Marshal(v)
		require.ErrorContains(t, err, "unknown tag", "%T", v)
	}
}
