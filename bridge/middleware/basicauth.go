package middleware

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/gwport/gwport/bridge"
)

// BasicAuth answers 401 to who does not say who he is (RFC 7617). The app finds the name in REMOTE_USER, and AUTH_TYPE
// is "Basic". Names and passwords pass in the clear unless the connection is encrypted.
type BasicAuth struct {
	// Users are passwords by name. Passwords are compared in a time that tells nothing of them.
	Users map[string]string

	// Check tells whether a name and a password are good, in the place of Users.
	Check func(ctx context.Context, user, password string) bool

	// Realm is what the browser shows: "restricted" if it is empty.
	Realm string

	// Field is a field of the request that has the name too, in the place of the client's own: a program behind the
	// app sees fields, and no REMOTE_USER. There is none if it is empty.
	Field string
}

// Around is a [bridge.Middleware].
func (o BasicAuth) Around(app bridge.App) bridge.App {
	realm := cmp.Or(o.Realm, "restricted")
	if strings.ContainsFunc(realm, func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }) {
		wrong("BasicAuth.Realm", o.Realm, "characters of ASCII, without quotes and backslashes")
	}
	key := ""
	if o.Field != "" {
		key = keyOf("BasicAuth.Field", o.Field)
	}
	check := o.check()
	challenge := `Basic realm="` + realm + `", charset="UTF-8"`
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		user, password, ok := credentials(env.Header("Authorization"))
		if !ok || !check(ctx, user, password) {
			res := bridge.Text(401, "Who are you?\n")
			res.Headers = with(res.Headers, "Www-Authenticate", challenge)
			return res
		}
		env["REMOTE_USER"] = user
		env["AUTH_TYPE"] = "Basic"
		if key != "" {
			env[key] = user
		}
		return app(ctx, env)
	}
}

// check is the option Check, or looks at digests of the users: they have one length, and their key is nobody's.
func (o BasicAuth) check() func(context.Context, string, string) bool {
	switch {
	case o.Check != nil && o.Users != nil:
		panic("middleware: BasicAuth has Users and Check: expected one of them")
	case o.Check != nil:
		return o.Check
	case len(o.Users) == 0:
		panic("middleware: BasicAuth has no Users and no Check: expected one of them")
	}
	secret := []byte(rand.Text())
	digest := func(s string) [sha256.Size]byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(s))
		return [sha256.Size]byte(mac.Sum(nil))
	}
	known := make(map[[sha256.Size]byte][sha256.Size]byte, len(o.Users))
	for user, password := range o.Users {
		if !isUser(user) || hasControl(password) {
			wrong("BasicAuth.Users", user, "names without a colon, and no control characters in names and passwords")
		}
		known[digest(user)] = digest(password)
	}
	return func(_ context.Context, user, password string) bool {
		want, isKnown := known[digest(user)]
		got := digest(password) // also of who is not known, who takes as long
		return hmac.Equal(want[:], got[:]) && isKnown
	}
}

func isUser(s string) bool { return !strings.Contains(s, ":") && !hasControl(s) }

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// credentials are those of a field Authorization.
func credentials(field string) (user, password string, ok bool) {
	scheme, token, _ := strings.Cut(field, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	pair, err := base64.StdEncoding.DecodeString(strings.Trim(token, " "))
	if err != nil || hasControl(string(pair)) {
		return "", "", false
	}
	return strings.Cut(string(pair), ":")
}
