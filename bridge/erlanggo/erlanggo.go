// Package erlanggo lets an app answer with the values of erlang_go.
//
// A program that was written around github.com/okeuday/erlang_go, or one whose authors think in Erlang terms, returns
// the gateway's triple as erlang_go spells it:
//
//	erlang.OtpErlangTuple{Status, Headers, Body}
//
// Status is an integer from 200 to 599, or a tuple of one and a reason. Headers is a list of tuples of name and value.
// Body is iodata: a binary, a string, or a list of bytes (integers from 0 to 255), binaries, strings and such lists.
// Names, values and reasons are binaries or strings.
//
// What counts as which follows what erlang_go would encode: a binary is an erlang.OtpErlangBinary of whole bytes or a
// []byte, a string is a Go string (STRING_EXT, a list of bytes on the wire), a tuple is an erlang.OtpErlangTuple or a
// []any, a list is an erlang.OtpErlangList. Everything that erlang.BinaryToTerm makes of a well-shaped triple is
// therefore accepted too. Atoms are not text here: Erlang's own <<"ok">> and ok are two things.
//
// erlang_go's codec is not involved. Its values are taken as they are, so its limits on decoding do not matter here.
//
// [FromTerm] and [ToTerm] turn any term of package etf into erlang_go's value of it and back. The limits of the two:
//
//   - A map with a key that is no Go key has no value in erlang_go: a binary, a bit string, a tuple, a list that is no
//     string, a map, a pid, a port, a reference, a fun, and an integer of more than four bytes (which would be a pointer).
//     Nor has one with the keys 0.0 and -0.0, which are one key to Go.
//   - A list of 1 to 65535 bytes is a string, and the atoms true, false and undefined are true, false and nil, as
//     erlang_go reads them. What erlang.SetUndefined has set is not looked at: nil is undefined.
//   - OtpErlangAtom is an atom in Latin-1, as erlang_go writes it; both are an OtpErlangAtomUTF8 on the way back.
//   - The pairs of an OtpErlangMap have no order, and its keys 1 and int32(1) are one key to Erlang, which refuses them.
//   - A fun that closes over values is an OtpErlangFunction that erlang.TermToBinary writes. erlang.BinaryToTerm cannot
//     read one: it takes the size in front for that of what follows.
//   - OtpErlangAtomCacheRef, and an OtpErlangFunction of OTP before 23 (FUN_EXT), are no terms to etf.
package erlanggo

import (
	"bytes"
	"context"
	"log/slog"

	"github.com/gwport/gwport/bridge"
	"github.com/okeuday/erlang_go/v2/erlang"
)

// App makes a bridge.App of a function that returns erlang_go values. A value of another shape is the program's fault:
// the client gets a bare 500, and the log says what was wrong with it and where.
func App(f func(ctx context.Context, env bridge.Environ) any) bridge.App {
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		res, err := Result(f(ctx, env))
		if err != nil {
			slog.ErrorContext(ctx, "the app's result cannot be sent", "error", err)
			return bridge.Text(500, "Internal Server Error\n")
		}
		return res
	}
}

// Result turns a triple of erlang_go values into a response. The error is a *ShapeError. Bytes are shared with v where
// that is possible, so v must not change until the response is sent.
func Result(v any) (bridge.Response, error) {
	t, ok := tuple(v)
	if !ok || len(t) != 3 {
		return bridge.Response{}, wrong("result", v, "a tuple of status, headers and body")
	}
	var res bridge.Response
	var err error
	if res.Status, res.Reason, err = status(t[0]); err != nil {
		return bridge.Response{}, err
	}
	if res.Headers, err = headers(t[1]); err != nil {
		return bridge.Response{}, err
	}
	body, err := iodata(t[2])
	if err != nil {
		return bridge.Response{}, err
	}
	// bytes.Reader, since its length is known: a small response can be one frame.
	res.Body = bytes.NewReader(body)
	return res, nil
}

func status(v any) (code int, reason string, err error) {
	const want = "an integer from 200 to 599, or a tuple of one and a reason"
	t, ok := tuple(v)
	if !ok {
		code, err = statusCode(v, "status", want)
		return code, "", err
	}
	if len(t) != 2 {
		return 0, "", wrong("status", v, want)
	}
	if code, err = statusCode(t[0], "status[0]", "an integer from 200 to 599"); err != nil {
		return 0, "", err
	}
	reason, ok = text(t[1])
	if !ok {
		return 0, "", wrong("status[1]", t[1], "a binary or a string")
	}
	return code, reason, nil
}

// statusCode refuses 1xx as well: those are sent ahead of a response and are never the response.
func statusCode(v any, where, want string) (int, error) {
	if n, ok := integer(v); ok && n >= 200 && n <= 599 {
		return int(n), nil
	}
	return 0, wrong(where, v, want)
}

func headers(v any) ([]bridge.Header, error) {
	list, ok := v.(erlang.OtpErlangList)
	if !ok || list.Improper {
		return nil, wrong("headers", v, "a list of tuples of name and value")
	}
	hs := make([]bridge.Header, len(list.Value))
	for i, e := range list.Value {
		if fault := header(&hs[i], e); fault != nil {
			fault.Where = at("headers", i) + fault.Where
			return nil, fault
		}
	}
	return hs, nil
}

func header(h *bridge.Header, v any) *ShapeError {
	pair, ok := tuple(v)
	if !ok || len(pair) != 2 {
		return wrong("", v, "a tuple of name and value")
	}
	if h.Name, ok = text(pair[0]); !ok {
		return wrong("[0]", pair[0], "a binary or a string")
	}
	if h.Value, ok = text(pair[1]); !ok {
		return wrong("[1]", pair[1], "a binary or a string")
	}
	return nil
}
