package wire

// The alphabets of RFC 9110, as tables: net/http has them in a package that is
// not ours to import.

// isTokenByte tells which bytes a token (a method, a header's name) may have.
var isTokenByte = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789" +
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()

// IsToken tells whether s is a token: a method, or the name of a header.
func IsToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte[s[i]] {
			return false
		}
	}
	return s != ""
}

// hasLineBreak tells whether s has one of the bytes that no header may have.
func hasLineBreak(s string) bool {
	for i := range len(s) {
		if c := s[i]; c == '\r' || c == '\n' || c == 0 {
			return true
		}
	}
	return false
}
