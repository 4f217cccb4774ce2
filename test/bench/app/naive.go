package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"

	"github.com/okeuday/erlang_go/v2/erlang"
)

// serveNaive is a port program as it is written in an afternoon: {packet, 4}, a term in, a term out, one at a time,
// by erlang_go.
func serveNaive(in io.Reader, out io.Writer, h http.Handler) error {
	r := bufio.NewReaderSize(in, 64<<10)
	for {
		frame, err := readPacket(r)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		term, err := erlang.BinaryToTerm(frame)
		if err != nil {
			return err
		}
		req, err := requestOf(term)
		if err != nil {
			return err
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, req)
		if err := writeReply(out, rec.Result()); err != nil {
			return err
		}
	}
}

func readPacket(r io.Reader) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(length[:]))
	_, err := io.ReadFull(r, frame)
	return frame, err
}

// requestOf takes {Method, Path, Query, [{Name, Value}], Body}.
func requestOf(term any) (*http.Request, error) {
	t, ok := term.(erlang.OtpErlangTuple)
	if !ok || len(t) != 5 {
		return nil, fmt.Errorf("no request: %T", term)
	}
	target := binaryOf(t[1])
	if query := binaryOf(t[2]); query != "" {
		target += "?" + query
	}
	req, err := http.NewRequest(binaryOf(t[0]), target, bytes.NewReader(t[4].(erlang.OtpErlangBinary).Value))
	if err != nil {
		return nil, err
	}
	if list, ok := t[3].(erlang.OtpErlangList); ok {
		for _, pair := range list.Value {
			if kv, ok := pair.(erlang.OtpErlangTuple); ok && len(kv) == 2 {
				req.Header.Add(binaryOf(kv[0]), binaryOf(kv[1]))
			}
		}
	}
	return req, nil
}

func binaryOf(term any) string {
	b, _ := term.(erlang.OtpErlangBinary)
	return string(b.Value)
}

// writeReply gives {Status, [{Name, Value}], Body}.
func writeReply(out io.Writer, res *http.Response) error {
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	fields := []any{}
	for name, values := range res.Header {
		for _, value := range values {
			fields = append(fields, erlang.OtpErlangTuple{lower(name), erlang.OtpErlangBinary{Value: []byte(value), Bits: 8}})
		}
	}
	fields = append(fields, erlang.OtpErlangTuple{
		lower("content-length"),
		erlang.OtpErlangBinary{Value: []byte(strconv.Itoa(len(body))), Bits: 8},
	})
	frame, err := erlang.TermToBinary(erlang.OtpErlangTuple{
		int32(res.StatusCode), erlang.OtpErlangList{Value: fields}, erlang.OtpErlangBinary{Value: body, Bits: 8},
	}, -1)
	if err != nil {
		return err
	}
	packet := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(frame)), uint32(len(frame)))
	_, err = out.Write(append(packet, frame...))
	return err
}

func lower(name string) erlang.OtpErlangBinary {
	return erlang.OtpErlangBinary{Value: bytes.ToLower([]byte(name)), Bits: 8}
}
