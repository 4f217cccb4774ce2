package middleware

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/internal/wire"
)

// CORS lets pages of other origins read responses (the Fetch standard, section 3.2), and answers their preflights itself,
// with 204. An origin that is not in the list gets the response without a word of CORS, by which its browser keeps
// it from the page; for who has no browser this is no protection. Its fields are the only ones: those of the app's are taken away.
type CORS struct {
	// Origins are those of the pages, such as "https://shop.example"; "*" stands for all.
	Origins []string

	// Methods are those that pages may use besides GET, HEAD and POST; "*" stands for all.
	Methods []string

	// Headers are the fields of a request that pages may set besides those that any page may; "*" stands for all.
	Headers []string

	// Expose are the fields of a response that pages may read besides those that any page may.
	Expose []string

	// Credentials has browsers send their cookies. Not together with the origin "*", since then any page could act
	// as any user.
	Credentials bool

	// MaxAge is how many seconds a browser may remember the answer to a preflight. At 0 it decides: five seconds, mostly.
	MaxAge int
}

// Around is a [bridge.Middleware].
func (o CORS) Around(app bridge.App) bridge.App {
	o.check()
	all := slices.Contains(o.Origins, "*")
	origins := make(map[string]bool)
	for _, origin := range o.Origins {
		origins[strings.ToLower(origin)] = true
	}
	return func(ctx context.Context, env bridge.Environ) bridge.Result {
		origin := env.Header("Origin")
		allowed := ""
		switch {
		case all:
			allowed = "*"
		case origins[origin]:
			allowed = origin
		}
		if env.Method() == "OPTIONS" && origin != "" && env.Header("Access-Control-Request-Method") != "" {
			return o.preflight(env, allowed)
		}
		return bridge.Then(app(ctx, env), func(res bridge.Response) bridge.Response {
			res.Headers = o.answer(res.Headers, origin, allowed)
			return res
		})
	}
}

func (o CORS) check() {
	if len(o.Origins) == 0 {
		wrong("CORS.Origins", o.Origins, `origins such as "https://shop.example", or "*"`)
	}
	for _, origin := range o.Origins {
		if origin != "*" && !isOrigin(origin) {
			wrong("CORS.Origins", origin, `an origin such as "https://shop.example", with no path, or "*"`)
		}
		if origin == "*" && o.Credentials {
			wrong("CORS.Credentials", true, `origins by name, and not "*"`)
		}
	}
	for option, list := range map[string][]string{"Methods": o.Methods, "Headers": o.Headers, "Expose": o.Expose} {
		for _, word := range list {
			if !wire.IsToken(word) {
				wrong("CORS."+option, word, "tokens")
			}
		}
	}
	if o.MaxAge < 0 {
		wrong("CORS.MaxAge", o.MaxAge, "seconds, at least 0")
	}
}

// isOrigin tells an origin as browsers send it: scheme://host, and :port unless it is the scheme's.
func isOrigin(s string) bool {
	scheme, host, ok := strings.Cut(s, "://")
	return ok && wire.IsToken(scheme) && host != "" && !strings.ContainsAny(host, "/?#@*, \t") && !hasControl(host)
}

// preflight answers what a browser asks before it sends a request.
func (o CORS) preflight(env bridge.Environ, allowed string) bridge.Response {
	headers := vary(nil, "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
	if allowed != "" {
		headers = o.grant(headers, allowed)
		methods := append([]string{"GET", "HEAD", "POST"}, o.Methods...)
		if slices.Contains(o.Methods, "*") {
			methods = []string{env.Header("Access-Control-Request-Method")} // with credentials a star is none
		}
		headers = with(headers, "Access-Control-Allow-Methods", strings.Join(methods, ", "))
		fields := strings.Join(o.Headers, ", ")
		if slices.Contains(o.Headers, "*") {
			fields = env.Header("Access-Control-Request-Headers")
		}
		if fields != "" {
			headers = with(headers, "Access-Control-Allow-Headers", fields)
		}
		if o.MaxAge > 0 {
			headers = with(headers, "Access-Control-Max-Age", strconv.Itoa(o.MaxAge))
		}
	}
	return bridge.Response{Status: 204, Headers: headers}
}

// answer has a response say who may read it.
func (o CORS) answer(headers []bridge.Header, origin, allowed string) []bridge.Header {
	headers = without(headers, "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials",
		"Access-Control-Expose-Headers")
	if allowed != "*" {
		headers = vary(headers, "Origin")
	}
	if origin == "" || allowed == "" {
		return headers
	}
	headers = o.grant(headers, allowed)
	if len(o.Expose) > 0 {
		headers = with(headers, "Access-Control-Expose-Headers", strings.Join(o.Expose, ", "))
	}
	return headers
}

func (o CORS) grant(headers []bridge.Header, allowed string) []bridge.Header {
	headers = with(headers, "Access-Control-Allow-Origin", allowed)
	if o.Credentials {
		headers = with(headers, "Access-Control-Allow-Credentials", "true")
	}
	return headers
}
