// Package middleware has what is put around many an App: each is a struct whose fields are its options and whose zero
// value works, where it can, and whose method Around is a [bridge.Middleware].
//
//	app = bridge.Chain(app,
//		middleware.RequestID{}.Around,
//		middleware.CORS{Origins: []string{"https://shop.example"}}.Around,
//		middleware.Gzip{MinSize: 512}.Around)
//
// The first is the outermost. An http.Handler stands behind them by [bridge.AppOf]. Around panics if an option is wrong,
// and says which, and what was expected: that is when a chain is made, and no request's affair.
//
// All of them let bodies stream, block by block, close a body that they do not pass on, and leave alone what they have no
// part in. The modules gwport_mw_... do the same in Erlang, where they stand around any app of a pool; both are held to
// test/vectors/middleware.txt.
//
// Where several are used, this order serves, the outermost first: RequestID, ServerTiming, CORS, BasicAuth, MethodOverride,
// Gzip, Conditional, Prefix. A preflight has no credentials, so CORS stands in front of BasicAuth.
package middleware
