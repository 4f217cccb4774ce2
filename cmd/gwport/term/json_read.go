package term

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gwport/gwport/etf"
)

// jsonReader reads JSON, token by token: a map of Go's would lose the order of
// keys, and those that are there twice.
type jsonReader struct {
	d      *json.Decoder
	lim    etf.Limits
	depth  int // that is left
	tagged bool
}

func fromJSON(text []byte, lim etf.Limits, tagged bool) (any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("JSON that is not UTF-8")
	}
	r := jsonReader{json.NewDecoder(bytes.NewReader(text)), lim, lim.MaxDepth, tagged}
	r.d.UseNumber()
	term, err := r.value()
	if err == nil {
		if _, err = r.d.Token(); errors.Is(err, io.EOF) {
			return term, valid(term, lim)
		}
		err = errors.New("more than one value")
	}
	return nil, fmt.Errorf("JSON, before byte %d: %w", r.d.InputOffset(), err)
}

// valid tells what JSON can say, tagged, and is no term: an atom of 256 characters, a
// key that is in its map twice.
func valid(term any, lim etf.Limits) error {
	data, err := etf.Append(etf.AppendVersion(nil), term)
	if err != nil {
		return err
	}
	lim.MaxBytes = len(data)
	return etf.Valid(string(data), lim)
}

// token reads a token within a value, where the text cannot end.
func (r *jsonReader) token() (json.Token, error) {
	token, err := r.d.Token()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return token, err
}

func (r *jsonReader) value() (any, error) {
	token, err := r.token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case bool:
		return etf.Atom(strconv.FormatBool(v)), nil
	case nil:
		return etf.Atom("null"), nil
	case string:
		return etf.Binary(v), nil
	case json.Number:
		return r.number(string(v))
	}
	if r.depth--; r.depth < 0 {
		return nil, errors.New("deeper than --max-depth")
	}
	defer func() { r.depth++ }()
	if token == json.Delim('[') {
		return r.list()
	}
	return r.object()
}

func (r *jsonReader) number(text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%s is too large for a float", text)
		}
		return f, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, nil
	}
	term, err := etf.Parse(text, r.lim)
	if n, ok := term.(*big.Int); ok {
		return n, nil
	}
	return term, err
}

func (r *jsonReader) list() (any, error) {
	list := etf.List{}
	for r.d.More() {
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := r.token()
	return list, err
}

func (r *jsonReader) object() (any, error) {
	m := etf.Map{}
	seen := make(map[string]bool)
	for r.d.More() {
		token, err := r.token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string) // the decoder takes nothing else
		if seen[key] {
			return nil, fmt.Errorf("key %q is in its object twice", key)
		}
		seen[key] = true
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		m = append(m, etf.Pair{Key: etf.Binary(key), Value: v})
	}
	if _, err := r.token(); err != nil {
		return nil, err
	}
	if key, _ := firstKey(m); r.tagged && len(m) == 1 && strings.HasPrefix(key, "$") {
		return r.untag(key, m[0].Value)
	}
	return m, nil
}

func firstKey(m etf.Map) (string, bool) {
	if len(m) == 0 {
		return "", false
	}
	key, ok := m[0].Key.(etf.Binary)
	return string(key), ok
}

// untag makes the term of an object of one key.
func (r *jsonReader) untag(key string, value any) (any, error) {
	text, isText := value.(etf.Binary)
	list, isList := value.(etf.List)
	switch {
	case key == keyAtom && isText:
		return etf.Atom(text), nil
	case key == keyBinary && isText:
		b, err := fromTag(key, string(text))
		return etf.Binary(b), err
	case key == keyTerm && isText:
		b, err := fromTag(key, string(text))
		if err != nil {
			return nil, err
		}
		return etf.Decode(b, r.lim)
	case key == keyTuple && isList:
		return etf.Tuple(list), nil
	case key == keyImproper && isList && len(list) == 2:
		if elems, ok := list[0].(etf.List); ok {
			return etf.Improper{Elems: elems, Tail: list[1]}, nil
		}
	case key == keyMap && isList:
		return untagMap(list)
	}
	return nil, fmt.Errorf("the key %s with a value that it cannot have", key)
}

// fromTag decodes the text of a tag.
func fromTag(key, text string) ([]byte, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		i, err := badBase64(text, err)
		return nil, fmt.Errorf("at byte %d of the text of %s: %w", i, key, err)
	}
	return b, nil
}

func untagMap(list etf.List) (any, error) {
	m := etf.Map{}
	for _, e := range list {
		pair, ok := e.(etf.List)
		if !ok || len(pair) != 2 {
			return nil, fmt.Errorf("the key %s with other than pairs", keyMap)
		}
		m = append(m, etf.Pair{Key: pair[0], Value: pair[1]})
	}
	return m, nil
}
