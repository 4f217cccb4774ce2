// Package bridgetest drives a port program's handlers through the wire's frames,
// in process and without Erlang. It is for the tests of apps as well as for the
// bridge's own.
//
//	func TestHello(t *testing.T) {
//		h := bridgetest.New(t, &bridge.Server{Handler: app})
//		res := h.Do(bridgetest.Request{Path: "/hello"})
//		require.Equal(t, 200, res.Status)
//	}
//
// [Host.Do] is a whole exchange, with a host that behaves. [Host.Open] opens a
// stream and leaves the rest to the test, frame by frame; [Host.Send] sends
// whatever the test wants, right or wrong.
package bridgetest
