package bridge

import (
	"strings"
)

// URL is the one that the client has asked for, as far as an environ tells; empty if
// nobody knows the host (SPEC.md, section 18.8). Its path is as it was received where
// nobody has changed it, but for dots, and so is its query.
func (e Environ) URL() string {
	authority := e.authority()
	if authority == "" {
		return ""
	}
	url := e.scheme() + "://" + authority
	path := e.rawPath("SCRIPT_NAME", "gwport.script_name") + e.rawPath("PATH_INFO", "gwport.path_info")
	switch {
	case path == "":
		url += "/"
	case path[0] != '/': // *, or what a CONNECT is for
		return url
	default:
		url += path
	}
	if q := e.String("QUERY_STRING"); q != "" {
		url += "?" + q
	}
	return url
}

func (e Environ) scheme() string {
	if s := e.String("gwport.url_scheme"); s != "" {
		return s
	}
	return "http"
}

// authority is the host with its port, if that is not the scheme's own.
func (e Environ) authority() string {
	host := e.String("HTTP_HOST")
	if host == "" {
		host = e.String("SERVER_NAME")
		if strings.Contains(host, ":") && host[0] != '[' {
			host = "[" + host + "]"
		}
		if port := e.String("SERVER_PORT"); host != "" && port != "" {
			host += ":" + port
		}
	}
	own := ":80"
	if e.scheme() == "https" {
		own = ":443"
	}
	return strings.TrimSuffix(strings.TrimSuffix(host, own), ":")
}

// rawPath is a part of the path, not decoded: as it was received if that is the same.
func (e Environ) rawPath(key, rawKey string) string {
	plain := e.String(key)
	if raw, ok := e[rawKey].(string); ok && percentDecode(raw) == plain {
		return raw
	}
	return percentEncode(plain)
}

// percentEncode encodes what may not stand in a path.
func percentEncode(path string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			strings.IndexByte("/-._~!$&'()*+,;=:@", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	return b.String()
}
