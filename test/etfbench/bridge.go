package etfbench

import (
	"github.com/gwport/gwport/etf"
	"github.com/gwport/gwport/test/terms"
)

// The bridge's own way, written by hand for its terms: Valid once, then a Reader, and the Append functions.

func readRequest(data string, req *Request) error {
	if err := etf.Valid(data, etf.Limits{}); err != nil {
		return err
	}
	return terms.Read(data, req)
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
