package bridge

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// The rules of the response.

// response looks at a Response, and returns it with a body and trailers that are
// looked at when they are asked for.
func (v *validation) response(res Response) Response {
	if res.Status < 200 || res.Status > 999 {
		v.breaks("response.status.range", "status", strconv.Itoa(res.Status))
	}
	if i := controlAt(res.Reason, true); i >= 0 {
		v.breaks("response.reason.control", "reason", byteAt(res.Reason, i))
	}
	for i, h := range res.Headers {
		v.header(res.Status, i, h)
	}
	said := valuesOf(res.Headers)
	v.singles(said)
	v.needed(res.Status, said)
	v.described(res, said)
	return v.wrapBody(res, v.length(res.Status, said))
}

// valuesOf has the values of headers by their names in lower case.
func valuesOf(headers []Header) map[string][]string {
	m := make(map[string][]string)
	for _, h := range headers {
		name := strings.ToLower(h.Name)
		m[name] = append(m[name], h.Value)
	}
	return m
}

// controlAt is where s has a control character; -1: nowhere.
func controlAt(s string, tabs bool) int {
	for i := range len(s) {
		if isControlButTab(s[i]) || tabs && s[i] == '\t' {
			return i
		}
	}
	return -1
}

// header looks at one field for itself.
func (v *validation) header(status, i int, h Header) {
	if !wire.IsToken(h.Name) {
		v.breaks("response.header.name", fmt.Sprintf("header %d", i+1), shown(h.Name))
		return
	}
	name := strings.ToLower(h.Name)
	where := "header " + name
	if i := controlAt(h.Value, false); i >= 0 {
		v.breaks("response.header.value", where, byteAt(h.Value, i))
		return
	}
	switch name {
	case "connection", "keep-alive", "proxy-connection", "te", "transfer-encoding":
		v.breaks("response.header.hop", where, "")
	case "upgrade":
		if status != http.StatusUpgradeRequired {
			v.breaks("response.header.hop", where, "")
		}
	case "location":
		v.location(where, h.Value)
	case "etag":
		if !isETag(h.Value) {
			v.breaks("response.etag.quoted", where, shown(h.Value))
		}
	case "set-cookie":
		v.cookie(where, h.Value)
	}
}

// location has a query, maybe, of which nothing is shown.
func (v *validation) location(where, value string) {
	if value == "" {
		v.breaks("response.location.form", where, "nothing")
	}
	for i := range len(value) {
		if value[i] <= ' ' || value[i] > 126 {
			v.breaks("response.location.form", where, byteAt(value, i))
			return
		}
	}
}

// isETag knows RFC 9110, section 8.8.3.
func isETag(s string) bool {
	s = strings.TrimPrefix(s, "W/")
	return len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' && !strings.ContainsAny(s[1:len(s)-1], "\" \t")
}

func (v *validation) cookie(where, value string) {
	pair, attributes, _ := strings.Cut(value, ";")
	name, _, ok := strings.Cut(pair, "=")
	if name = strings.TrimSpace(name); !ok || !wire.IsToken(name) {
		v.breaks("response.cookie.form", where, "no name before =")
		return
	}
	for a := range strings.SplitSeq(attributes, ";") {
		if strings.EqualFold(strings.TrimSpace(a), "Secure") {
			return
		}
	}
	if v.scheme == "https" {
		v.breaks("response.cookie.secure", where, "cookie "+shown(name))
	}
}

// singles are fields that have one value.
func (v *validation) singles(said map[string][]string) {
	for _, name := range []string{
		"content-type", "content-location", "content-range", "date", "etag", "last-modified", "location", "retry-after",
	} {
		if n := len(said[name]); n > 1 {
			v.breaks("response.header.once", "header "+name, fmt.Sprintf("%d of them", n))
		}
	}
}

// needed looks at what a status calls for.
func (v *validation) needed(status int, said map[string][]string) {
	name := map[int]string{
		http.StatusPartialContent: "content-range", http.StatusMovedPermanently: "location", http.StatusFound: "location",
		http.StatusSeeOther: "location", http.StatusTemporaryRedirect: "location", http.StatusPermanentRedirect: "location",
		http.StatusUnauthorized: "www-authenticate", http.StatusMethodNotAllowed: "allow", http.StatusUpgradeRequired: "upgrade",
	}[status]
	if name == "" || len(said[name]) > 0 {
		return
	}
	if types := said["content-type"]; status == http.StatusPartialContent && len(types) > 0 &&
		strings.HasPrefix(strings.ToLower(types[0]), "multipart/") {
		return
	}
	v.breaks("response.status.needs", "header "+name, fmt.Sprintf("status %d without it", status))
}

// described looks at what the head says of the body, but for its length.
func (v *validation) described(res Response, said map[string][]string) {
	types := said["content-type"]
	n, known := knownLength(res.Body)
	switch {
	case hasNone(res.Status):
		if len(types) > 0 && types[0] != "" {
			v.breaks("response.type.none", "header content-type", fmt.Sprintf("status %d", res.Status))
		}
		if known && n > 0 {
			v.breaks("body.none", "body", fmt.Sprintf("%d bytes, status %d", n, res.Status))
		}
	case len(types) == 0 && v.method != http.MethodHead && (n > 0 || !known) && res.Body != http.NoBody:
		v.breaks("response.type.there", "header content-type", "nothing")
	}
}

// hasNone tells which final statuses have no body.
func hasNone(status int) bool {
	return status == http.StatusNoContent || status == http.StatusNotModified
}

// length is what Content-Length says; -1 if nothing.
func (v *validation) length(status int, said map[string][]string) int64 {
	values := said["content-length"]
	switch {
	case len(values) > 1:
		v.breaks("response.length.digits", "header content-length", fmt.Sprintf("%d of them", len(values)))
		return -1
	case len(values) == 0 || values[0] == "":
		return -1
	}
	n := lengthOf(strings.Trim(values[0], " \t"))
	switch {
	case n < 0:
		v.breaks("response.length.digits", "header content-length", shown(values[0]))
	case status == http.StatusNoContent:
		v.breaks("response.length.none", "header content-length", "status 204")
		return -1
	}
	return n
}
