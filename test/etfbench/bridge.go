package etfbench

import (
	"errors"

	"github.com/gwport/gwport/etf"
)

// The bridge's own way, written by hand for its terms: Valid once, then a Reader, and the Append functions.

func readRequest(data string, req *Request) error {
	if err := etf.Valid(data, etf.Limits{}); err != nil {
		return err
	}
	r, err := etf.NewReader(data)
	if err != nil {
		return err
	}
	n, err := r.Map()
	if err != nil {
		return err
	}
	for range n {
		key, err := r.Binary()
		if err != nil {
			return err
		}
		if err := req.field(&r, key); err != nil {
			return err
		}
	}
	return r.End()
}

func (req *Request) field(r *etf.Reader, key string) (err error) {
	n := int64(0)
	switch key {
	case "method":
		req.Method, err = r.Binary()
	case "path":
		req.Path, err = r.Binary()
	case "qs":
		req.Qs, err = r.Binary()
	case "version":
		req.Version, err = r.Binary()
	case "scheme":
		req.Scheme, err = r.Binary()
	case "host":
		req.Host, err = r.Binary()
	case "port":
		n, err = r.Int()
		req.Port = int(n)
	case "deadline":
		req.Deadline, err = r.Int()
	case "headers":
		err = req.readHeaders(r)
	default:
		err = r.Skip()
	}
	return err
}

func (req *Request) readHeaders(r *etf.Reader) error {
	n, err := r.List()
	if err != nil {
		return err
	}
	req.Headers = req.Headers[:0]
	for range n {
		arity, err := r.Tuple()
		if err != nil {
			return err
		}
		if arity != 2 {
			return errors.New("no pair")
		}
		name, err := r.Binary()
		if err != nil {
			return err
		}
		value, err := r.Binary()
		if err != nil {
			return err
		}
		req.Headers = append(req.Headers, Header{name, value})
	}
	return r.EndList()
}

func appendReply(b []byte, rep *Reply) []byte {
	b = etf.AppendInt(etf.AppendTuple(etf.AppendVersion(b), 3), int64(rep.Status))
	b = etf.AppendList(b, len(rep.Headers))
	for i := range rep.Headers {
		h := &rep.Headers[i]
		b = etf.AppendBinary(etf.AppendBinary(etf.AppendTuple(b, 2), h[0]), h[1])
	}
	return etf.AppendBinary(etf.AppendNil(b), rep.Body)
}
