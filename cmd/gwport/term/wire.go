package term

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gwport/gwport/bridge/bridgetest/frames"
	"github.com/gwport/gwport/etf"
)

// printWire prints frames until there is no more, or what there is is none.
func (o *options) printWire(data []byte, stdout io.Writer) error {
	for at := 0; at < len(data); {
		rest := data[at:]
		if len(rest) < 4 {
			return fmt.Errorf("at byte %d: the input ends within a length, after %d of 4 bytes", at, len(rest))
		}
		n := int64(binary.BigEndian.Uint32(rest))
		rest = rest[4:]
		if n > int64(len(rest)) {
			return fmt.Errorf("at byte %d: a frame of %d bytes, of which there are %d", at, n, len(rest))
		}
		f, ok := frames.Parse(rest[:n])
		if !ok {
			return o.noEnvelope(at, rest[:n])
		}
		if _, err := fmt.Fprintf(stdout, "%d %s\n", at, o.frame(f)); err != nil {
			return err
		}
		at += 4 + int(n)
	}
	return nil
}

// noEnvelope says what is wrong. The bytes may be from the middle of a body.
func (o *options) noEnvelope(at int, b []byte) error {
	err := fmt.Errorf("at byte %d: a frame of %d bytes, which is no envelope as SPEC.md has it (F3)", at, len(b))
	if o.secrets {
		return fmt.Errorf("%w, beginning % x", err, b[:min(len(b), frames.StreamHead)])
	}
	return err
}

// frame is a frame as a line: its kind, its stream if it has one, and its payload.
func (o *options) frame(f frames.Frame) string {
	line := f.Kind.String()
	if f.Stream != 0 {
		line += fmt.Sprintf(" %d", f.Stream)
	}
	return line + " " + o.payload(f)
}

func (o *options) payload(f frames.Frame) string {
	bytes := size(len(f.Payload))
	if o.secrets {
		bytes = o.text(etf.Binary(f.Payload))
	}
	if f.Kind == frames.Chunk {
		return bytes
	}
	term, err := etf.Decode(f.Payload, o.limits())
	if err != nil {
		return fmt.Sprintf("%s, which is no term: %v", bytes, err)
	}
	if !o.secrets {
		public, ok := withoutSecrets(f.Kind, term)
		if !ok {
			return bytes + ", which is not as SPEC.md has it"
		}
		term = public
	}
	return o.text(term) + note(f, term)
}

// note gives the name of a code.
func note(f frames.Frame, term any) string {
	if t, ok := term.(etf.Tuple); ok && (f.Kind == frames.Abort || f.Kind == frames.Fault) && len(t) == 2 {
		if code, ok := t[0].(int64); ok {
			return " " + frames.NameCode(f.Kind, code)
		}
	}
	return ""
}

func (o *options) text(term any) string {
	return string(etf.AppendText(nil, term, etf.TextOptions{Unicode: o.unicode}))
}

func size(n int) string { return fmt.Sprintf("[%d bytes]", n) }

// secretFields are the header fields whose values are left out.
var secretFields = []string{"authorization", "cookie", "proxy-authorization", "set-cookie"}

// withoutSecrets puts a size into the place of each secret in a payload. It tells
// what is not as SPEC.md has it, and could have a secret anywhere.
func withoutSecrets(k frames.Kind, term any) (public any, ok bool) {
	switch k {
	case frames.Open:
		t, ok := term.(etf.Tuple)
		if !ok || len(t) != 3 {
			return nil, false
		}
		request, ok := publicRequest(t[2])
		return etf.Tuple{t[0], t[1], request}, ok
	case frames.Trailers:
		return publicFields(term)
	case frames.Inform, frames.Head, frames.Reply:
		return publicResponse(k, term)
	}
	return term, true
}

func publicRequest(term any) (any, bool) {
	m, ok := term.(etf.Map)
	if !ok {
		return nil, false
	}
	m = slices.Clone(m)
	for i, p := range m {
		switch p.Key {
		case etf.Binary("headers"):
			if m[i].Value, ok = publicFields(p.Value); !ok {
				return nil, false
			}
		case etf.Binary("query"):
			b, ok := p.Value.(etf.Binary)
			if !ok {
				return nil, false
			}
			m[i].Value = etf.Atom(size(len(b)))
		}
	}
	return m, true
}

func publicResponse(k frames.Kind, term any) (any, bool) {
	t, ok := term.(etf.Tuple)
	if arity := map[bool]int{false: 2, true: 3}[k == frames.Reply]; !ok || len(t) != arity {
		return nil, false
	}
	t = slices.Clone(t)
	if t[1], ok = publicFields(t[1]); !ok {
		return nil, false
	}
	if k == frames.Reply {
		data, err := etf.Append(etf.AppendVersion(nil), t[2])
		if err != nil {
			return nil, false
		}
		r, err := etf.NewReader(string(data))
		if err != nil {
			return nil, false
		}
		body, err := r.AppendIodata(nil)
		if err != nil {
			return nil, false
		}
		t[2] = etf.Atom(size(len(body)))
	}
	return t, true
}

func publicFields(term any) (any, bool) {
	l, ok := term.(etf.List)
	if !ok {
		return nil, false
	}
	fields := slices.Clone(l)
	for i, e := range l {
		t, ok := e.(etf.Tuple)
		if !ok || len(t) != 2 {
			return nil, false
		}
		name, isName := t[0].(etf.Binary)
		value, isValue := t[1].(etf.Binary)
		if !isName || !isValue {
			return nil, false
		}
		if slices.Contains(secretFields, strings.ToLower(strings.TrimSpace(string(name)))) {
			fields[i] = etf.Tuple{name, etf.Atom(size(len(value)))}
		}
	}
	return fields, true
}
