package devpage

import (
	"net/url"
	"strings"
)

// What these parts of a name are in is most likely a secret. gwport treats authorization and cookies as such wherever
// it shows a request; the others are what people call theirs.
var secretNames = []string{"authorization", "cookie", "token", "secret", "passw", "passphrase", "apikey", "api-key", "credential", "session", "csrf", "xsrf", "signature", "private-key"}

// IsSecret tells whether the value of a field, a variable of the environ or a parameter is withheld. Only names count.
func IsSecret(name string) bool {
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	for _, s := range secretNames {
		if strings.Contains(name, s) {
			return true
		}
	}
	return false
}

// shown is the value of a pair, unless that is withheld.
func shown(p Pair) (value string, withheld bool) {
	switch strings.ToLower(p.Name) {
	case "query_string":
		_, query, _ := strings.Cut(hideQuery("?"+p.Value), "?")
		return query, false
	case "request_uri", "url":
		return hideQuery(p.Value), false
	case "referer", "http_referer":
		// Another page's query is none of this request's.
		page, query, _ := strings.Cut(p.Value, "?")
		if query != "" {
			page += "?(withheld)"
		}
		return page, false
	}
	return p.Value, IsSecret(p.Name)
}

// hideQuery withholds the values of a query's parameters that are secrets by their names.
func hideQuery(target string) string {
	path, query, ok := strings.Cut(target, "?")
	if !ok {
		return target
	}
	pieces := strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' })
	for i, piece := range pieces {
		name, _, hasValue := strings.Cut(piece, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			plain = name
		}
		if hasValue && IsSecret(plain) {
			pieces[i] = name + "=(withheld)"
		}
	}
	return path + "?" + strings.Join(pieces, "&")
}
