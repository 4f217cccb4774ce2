package term

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/gwport/gwport/etf"
)

// The keys that objects for terms without a JSON form have.
const (
	keyAtom     = "$atom"
	keyTuple    = "$tuple"
	keyBinary   = "$binary"
	keyMap      = "$map"
	keyImproper = "$improper"
	keyTerm     = "$term"
)

// appendJSON appends a term as JSON. What is written reads back as the same term
// with the same option; without tagged, a term for which that cannot be is an error.
// It calls itself once for each level, which the limits of decoding have bounded.
func appendJSON(dst []byte, term any, tagged bool) ([]byte, error) {
	switch v := term.(type) {
	case etf.Atom:
		if v == "true" || v == "false" || v == "null" {
			return append(dst, v...), nil
		}
		return object(dst, keyAtom, term, tagged, func(dst []byte) ([]byte, error) { return appendString(dst, string(v)), nil })
	case etf.Binary:
		if utf8.ValidString(string(v)) {
			return appendString(dst, string(v)), nil
		}
		return object(dst, keyBinary, term, tagged, func(dst []byte) ([]byte, error) {
			return appendString(dst, base64.StdEncoding.EncodeToString([]byte(v))), nil
		})
	case int64, *big.Int, float64:
		return etf.AppendText(dst, v, etf.TextOptions{}), nil // Erlang's numbers are JSON's
	case etf.List:
		return array(dst, v, tagged)
	case etf.Tuple:
		return object(dst, keyTuple, term, tagged, func(dst []byte) ([]byte, error) { return array(dst, v, tagged) })
	case etf.Improper:
		return object(dst, keyImproper, term, tagged, func(dst []byte) ([]byte, error) {
			return array(dst, []any{v.Elems, v.Tail}, tagged)
		})
	case etf.Map:
		return appendMap(dst, v, tagged)
	}
	return object(dst, keyTerm, term, tagged, func(dst []byte) ([]byte, error) {
		data, err := etf.Append(etf.AppendVersion(nil), term)
		return appendString(dst, base64.StdEncoding.EncodeToString(data)), err
	})
}

func appendString(dst []byte, s string) []byte {
	b := bytes.NewBuffer(dst)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string has always a form
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func array(dst []byte, terms []any, tagged bool) (_ []byte, err error) {
	dst = append(dst, '[')
	for i, t := range terms {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSON(dst, t, tagged); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// object appends an object of one key, or says that there is no other form.
func object(dst []byte, key string, term any, tagged bool, value func([]byte) ([]byte, error)) ([]byte, error) {
	if !tagged {
		text := etf.AppendText(nil, term, etf.TextOptions{MaxBytes: 60})
		return nil, fmt.Errorf("JSON has no form for %s; with --tagged it is an object with the key %s", text, key)
	}
	dst, err := value(append(append(append(dst, `{"`...), key...), `":`...))
	return append(dst, '}'), err
}

// appendMap appends an object, if all keys are strings, and none of them alone
// would be read as something else.
func appendMap(dst []byte, m etf.Map, tagged bool) (_ []byte, err error) {
	for _, p := range m {
		key, ok := p.Key.(etf.Binary)
		if !ok || !utf8.ValidString(string(key)) || tagged && len(m) == 1 && strings.HasPrefix(string(key), "$") {
			return object(dst, keyMap, m, tagged, func(dst []byte) ([]byte, error) {
				pairs := make([]any, len(m))
				for i, p := range m {
					pairs[i] = etf.List{p.Key, p.Value}
				}
				return array(dst, pairs, tagged)
			})
		}
	}
	dst = append(dst, '{')
	for i, p := range m {
		if i > 0 {
			dst = append(dst, ',')
		}
		key, _ := p.Key.(etf.Binary)
		dst = append(appendString(dst, string(key)), ':')
		if dst, err = appendJSON(dst, p.Value, tagged); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}
