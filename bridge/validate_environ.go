package bridge

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// The rules of the environ.

// cgiKeys are the keys without a dot that are no header fields.
var cgiKeys = map[string]bool{
	"AUTH_TYPE": true, "CONTENT_LENGTH": true, "CONTENT_TYPE": true, "GATEWAY_INTERFACE": true, "PATH_INFO": true,
	"PATH_TRANSLATED": true, "QUERY_STRING": true, "REMOTE_ADDR": true, "REMOTE_HOST": true, "REMOTE_IDENT": true,
	"REMOTE_PORT": true, "REMOTE_USER": true, "REQUEST_METHOD": true, "REQUEST_URI": true, "SCRIPT_NAME": true,
	"SERVER_NAME": true, "SERVER_PORT": true, "SERVER_PROTOCOL": true, "SERVER_SOFTWARE": true,
}

// gatewayKeys are those that begin with gwport.
var gatewayKeys = map[string]bool{
	"gwport.version": true, "gwport.url_scheme": true, "gwport.script_name": true, "gwport.path_info": true,
	"gwport.input": true, "gwport.errors": true, "gwport.async": true, "gwport.multithread": true,
	"gwport.multiprocess": true, "gwport.run_once": true, "gwport.request": true, "gwport.wake": true,
}

// environ looks at what the App is given.
func (v *validation) environ(env Environ) {
	for _, key := range slices.Sorted(maps.Keys(env)) {
		v.key(key, env[key])
	}
	v.variables(env)
	v.paths(env)
	v.values(env)
	if !v.owns {
		v.breaks("environ.fresh", "environ", "the map of another request")
	}
}

// key looks at one key for itself.
func (v *validation) key(key string, value any) {
	if strings.Contains(key, ".") {
		if strings.HasPrefix(key, "gwport.") && !gatewayKeys[key] {
			v.breaks("environ.key.reserved", shown(key), "")
		}
		return
	}
	name, isHeader := strings.CutPrefix(key, "HTTP_")
	switch {
	case name == "PROXY" && isHeader:
		v.breaks("environ.http.proxy", key, "")
	case (name == "CONTENT_TYPE" || name == "CONTENT_LENGTH") && isHeader:
		v.breaks("environ.http.twin", key, "")
	case isHeader && !isHeaderKey(name), !isHeader && !cgiKeys[key]:
		v.breaks("environ.key.own", shown(key), "")
	}
	text, ok := value.(string)
	if !ok {
		v.breaks("environ.value.text", shown(key), fmt.Sprintf("a %T", value))
		return
	}
	if i := strings.IndexAny(text, "\r\n\x00"); i >= 0 && (isHeader || key == "CONTENT_TYPE") {
		v.breaks("environ.http.value", shown(key), byteAt(text, i))
	}
}

func isHeaderKey(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
		default:
			return false
		}
	}
	return name != ""
}

// variables looks at those that have a form of their own. One whose value is no text
// has been told of.
func (v *validation) variables(env Environ) {
	method := env.Method()
	for _, is := range []struct {
		rule, key string
		mayMiss   bool
		ok        func(string) bool
	}{
		{"environ.method.token", "REQUEST_METHOD", false, wire.IsToken},
		{"environ.script.form", "SCRIPT_NAME", false, isPath},
		{"environ.path.form", "PATH_INFO", false, func(s string) bool {
			return isPath(s) || s == "*" && method == "OPTIONS" || method == "CONNECT"
		}},
		{"environ.query.there", "QUERY_STRING", false, func(string) bool { return true }},
		{"environ.server.name", "SERVER_NAME", false, isHost},
		{"environ.port.digits", "SERVER_PORT", false, isPort},
		{"environ.port.digits", "REMOTE_PORT", false, isPort},
		{"environ.protocol.form", "SERVER_PROTOCOL", false, isProtocol},
		{"environ.length.digits", "CONTENT_LENGTH", true, func(s string) bool { return lengthOf(s) >= 0 }},
		{"environ.host.form", "HTTP_HOST", true, isAuthority},
	} {
		value, there := env[is.key]
		text, isText := value.(string)
		switch {
		case !there && !is.mayMiss:
			v.breaks(is.rule, is.key, "nothing")
		case isText && !is.ok(text):
			v.breaks(is.rule, is.key, shown(text))
		}
	}
}

func isPath(s string) bool { return s == "" || s[0] == '/' }

// isHost tells what may be a host; an IPv6 address may be without its brackets, since
// an address of the listener's has none.
func isHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	inner, ok := strings.CutPrefix(s, "[")
	if inner, isClosed := strings.CutSuffix(inner, "]"); ok && isClosed {
		return !strings.ContainsAny(inner, "[]/@ ") && strings.Contains(inner, ":")
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`:/?#[]@<>"\^{|}`, c) >= 0 {
			return false
		}
	}
	return true
}

// isAuthority tells what may be a host with or without a port.
func isAuthority(s string) bool {
	at := strings.LastIndexByte(s, ':')
	if at < 0 || strings.HasSuffix(s, "]") {
		return isHost(s)
	}
	port := s[at+1:]
	return isHost(s[:at]) && (port == "" || isPort(port))
}

func isPort(s string) bool {
	n := lengthOf(s)
	return n >= 0 && n <= 65535 && len(s) <= 5
}

// lengthOf is the number that digits stand for; -1 if they are none.
func lengthOf(s string) int64 {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return -1
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	return -1
}

// isProtocol: HTTP/1.1, HTTP/2.
func isProtocol(s string) bool {
	version, ok := strings.CutPrefix(s, "HTTP/")
	isDigit := func(c byte) bool { return '0' <= c && c <= '9' }
	switch len(version) {
	case 1:
		return ok && isDigit(version[0])
	case 3:
		return ok && isDigit(version[0]) && version[1] == '.' && isDigit(version[2])
	}
	return false
}

// paths compares both forms of each.
func (v *validation) paths(env Environ) {
	for raw, key := range map[string]string{"gwport.script_name": "SCRIPT_NAME", "gwport.path_info": "PATH_INFO"} {
		value, there := env[raw]
		text, isText := value.(string)
		plain, hasPlain := env[key].(string)
		switch {
		case !there || !hasPlain:
		case !isText:
			v.breaks("environ.path.raw", raw, fmt.Sprintf("a %T", value))
		case percentDecode(text) != plain:
			v.breaks("environ.path.raw", key, shown(plain)+" beside "+shown(text))
		}
	}
}

// values looks at those of the language's own types.
func (v *validation) values(env Environ) {
	if env["gwport.version"] != [2]int{1, 0} {
		v.breaks("environ.version.pair", "gwport.version", shownValue(env["gwport.version"]))
	}
	if s := env["gwport.url_scheme"]; s != "http" && s != "https" {
		v.breaks("environ.scheme.name", "gwport.url_scheme", shownValue(s))
	}
	for _, flag := range []string{"gwport.async", "gwport.multithread", "gwport.multiprocess", "gwport.run_once"} {
		if _, ok := env[flag].(bool); !ok {
			v.breaks("environ.flags.boolean", flag, shownValue(env[flag]))
		}
	}
	switch r, ok := env["gwport.input"].(io.Reader); {
	case !ok:
		v.breaks("environ.input.form", "gwport.input", shownValue(env["gwport.input"]))
	case r == http.NoBody && lengthOf(env.String("CONTENT_LENGTH")) > 0:
		v.breaks("input.length", "gwport.input", "0 bytes, CONTENT_LENGTH is "+env.String("CONTENT_LENGTH"))
	}
	if _, ok := env["gwport.errors"].(io.Writer); !ok {
		v.breaks("environ.errors.form", "gwport.errors", shownValue(env["gwport.errors"]))
	}
	if _, ok := env["gwport.wake"].(interface{ Wake() }); v.async && !ok {
		v.breaks("environ.wake.form", "gwport.wake", shownValue(env["gwport.wake"]))
	}
}

// shown is text for a finding, at most 60 bytes of it.
func shown(s string) string {
	if len(s) > 60 {
		return strconv.Quote(s[:60]) + "..."
	}
	return strconv.Quote(s)
}

// shownValue shows a value that is not what was expected: text, or else a type.
func shownValue(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return shown(v)
	}
	return fmt.Sprintf("a %T", v)
}

// byteAt shows one byte of a text that may be somebody's secret.
func byteAt(s string, i int) string {
	return fmt.Sprintf("byte %d of %d is 0x%02x", i+1, len(s), s[i])
}
