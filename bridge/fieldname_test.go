package bridge

import (
	"fmt"
	"net/textproto"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFieldNamesAreThoseOfTextproto(t *testing.T) {
	var n fieldNames
	for range 2 { // made, and remembered
		for _, name := range []string{"host", "x-b3-traceid", "X-A", "x a", "ö", "", "content-MD5"} {
			require.Equal(t, textproto.CanonicalMIMEHeaderKey(name), n.canonical(name))
		}
	}
	require.Len(t, n.all(), 7)
}

func TestFieldNamesAreRememberedUpToALimit(t *testing.T) {
	var n fieldNames
	for i := range maxFieldNames + 1 {
		name := fmt.Sprintf("x-%d", i)
		require.Equal(t, fmt.Sprintf("X-%d", i), n.canonical(name))
		require.Len(t, n.all(), min(i+1, maxFieldNames))
	}
	n.remember("one-more", "One-More") // by who looked before another filled it
	require.Len(t, n.all(), maxFieldNames)
}

func TestLongFieldNamesAreNotRemembered(t *testing.T) {
	var n fieldNames
	n.canonical(strings.Repeat("x", maxFieldName+1))
	require.Empty(t, n.all())
	n.canonical(strings.Repeat("x", maxFieldName))
	require.Len(t, n.all(), 1)
}
