package bridge_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

var ok = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})

func start(t *testing.T) *bridgetest.Host {
	t.Helper()
	leavesNothing(t)
	return bridgetest.Start(t, &bridge.Server{Handler: ok})
}

func helloTerm() etf.Map {
	return etf.Map{
		{Key: "versions", Value: etf.Tuple{1, 1}},
		{Key: "max_frame", Value: 65551},
		{Key: "max_head", Value: 65536},
		{Key: "max_streams", Value: 1000},
		{Key: "capabilities", Value: etf.List{"later"}},
		{Key: "options", Value: etf.Map{{Key: "drain_timeout", Value: 1000}, {Key: "later", Value: etf.Atom("x")}}},
		{Key: "later", Value: etf.List{}},
	}
}

func TestReadySaysWhatTheServerIs(t *testing.T) {
	leavesNothing(t)
	h := bridgetest.New(t, &bridge.Server{
		Handler: ok, Apps: map[string]http.Handler{"b": ok, "a": ok},
		Name: "shop", Version: "1.2", Window: 1, MaxStreams: 3, MaxHead: 4, MaxFrame: 70000,
	})
	ready := h.Ready()
	for key, want := range map[string]any{
		"version": int64(1), "window": int64(1), "max_frame": int64(70000), "max_head": int64(4),
		"max_streams": int64(3), "capabilities": etf.List{}, "name": etf.Binary("shop"),
		"program_version": etf.Binary("1.2"), "apps": etf.List{etf.Binary(""), etf.Binary("a"), etf.Binary("b")},
	} {
		require.Equal(t, want, metaOf(ready, key), key)
	}
}

func TestReadyHasDefaults(t *testing.T) {
	h := newHost(t, ok)
	require.Equal(t, int64(65536), metaOf(h.Ready(), "window"))
	require.Equal(t, int64(65536), metaOf(h.Ready(), "max_head"))
	require.Equal(t, int64(1<<20), metaOf(h.Ready(), "max_frame"))
	require.Equal(t, int64(10000), metaOf(h.Ready(), "max_streams"))
	require.Equal(t, etf.List{}, metaOf(h.Ready(), "apps"))
	require.Equal(t, etf.Binary("bridge.test"), metaOf(h.Ready(), "name"))
	require.NotEmpty(t, metaOf(h.Ready(), "program_version"))
}

func TestHelloAtItsLimitsIsTaken(t *testing.T) {
	h := start(t)
	h.SendTerm(bridgetest.Hello, 0, helloTerm())
	f, _ := h.Next()
	require.Equal(t, bridgetest.Ready, f.Kind)
}

func TestHelloThatCannotBeMetIsAFault(t *testing.T) {
	change := func(key string, value any) etf.Map {
		var m etf.Map
		for _, p := range helloTerm() {
			if p.Key != key {
				m = append(m, p)
			}
		}
		if value != nil {
			m = append(m, etf.Pair{Key: key, Value: value})
		}
		return m
	}
	for name, c := range map[string]struct {
		hello any
		code  bridge.FaultCode
	}{
		"versions below":     {change("versions", etf.Tuple{0, 0}), bridge.FaultNoCommonVersion},
		"versions above":     {change("versions", etf.Tuple{2, 9}), bridge.FaultNoCommonVersion},
		"a hello of later":   {etf.Map{{Key: "limits", Value: 1.5}, {Key: "versions", Value: etf.Tuple{2, 3}}}, bridge.FaultNoCommonVersion},
		"max_frame too low":  {change("max_frame", 65550), bridge.FaultBadGreeting},
		"no versions":        {change("versions", nil), bridge.FaultBadGreeting},
		"no max_frame":       {change("max_frame", nil), bridge.FaultBadGreeting},
		"no max_head":        {change("max_head", nil), bridge.FaultBadGreeting},
		"no max_streams":     {change("max_streams", nil), bridge.FaultBadGreeting},
		"no capabilities":    {change("capabilities", nil), bridge.FaultBadGreeting},
		"no options":         {change("options", nil), bridge.FaultBadGreeting},
		"versions no tuple":  {change("versions", 1), bridge.FaultBadGreeting},
		"negative level":     {change("options", etf.Map{{Key: "log_level", Value: -1}}), bridge.FaultBadGreeting},
		"level is no number": {change("options", etf.Map{{Key: "log_level", Value: "info"}}), bridge.FaultBadGreeting},
		"negative lines":     {change("options", etf.Map{{Key: "log_lines", Value: -1}}), bridge.FaultBadGreeting},
		"lines are a word":   {change("options", etf.Map{{Key: "log_lines", Value: "all"}}), bridge.FaultBadGreeting},
		"dev is no boolean":  {change("options", etf.Map{{Key: "dev", Value: etf.Atom("yes")}}), bridge.FaultBadGreeting},
		"dev is a number":    {change("options", etf.Map{{Key: "dev", Value: 1}}), bridge.FaultBadGreeting},
		"negative timeout":   {change("options", etf.Map{{Key: "drain_timeout", Value: -1}}), bridge.FaultBadGreeting},
		"not a map":          {etf.List{}, bridge.FaultBadGreeting},
		"max_head of 2^31":   {change("max_head", 1<<31), bridge.FaultBadGreeting},
		"pool is no binary":  {change("pool", 1), bridge.FaultBadGreeting},
		"options are a list": {change("options", etf.List{}), bridge.FaultBadGreeting},
	} {
		t.Run(name, func(t *testing.T) {
			h := start(t)
			h.SendTerm(bridgetest.Hello, 0, c.hello)
			requireFault(t, h, c.code)
		})
	}
}

func TestNoCommonVersionNamesBothRanges(t *testing.T) {
	h := start(t)
	m := helloTerm()
	m[0].Value = etf.Tuple{2, 3}
	h.SendTerm(bridgetest.Hello, 0, m)
	f, _ := h.Next()
	_, text := reason(t, f)
	require.Equal(t, "this program speaks wire version 1, the host speaks 2 to 3", text)
}

func TestAnythingBeforeHelloIsAFault(t *testing.T) {
	h := start(t)
	h.SendTerm(bridgetest.Ping, 0, 1)
	requireFault(t, h, bridge.FaultBadGreeting)
}

func TestSecondHelloIsAFault(t *testing.T) {
	h := newHost(t, ok)
	h.SendTerm(bridgetest.Hello, 0, helloTerm())
	requireFault(t, h, bridge.FaultBadGreeting)
}

func TestHostsFaultEndsThePort(t *testing.T) {
	h := newHost(t, ok)
	h.SendTerm(bridgetest.Fault, 0, etf.Tuple{99, "no"})
	var err *bridge.FaultError
	require.ErrorAs(t, h.Wait(), &err)
	require.Equal(t, bridge.FaultError{Code: bridge.FaultBadFrame, Text: "no", Host: true}, *err)
}

func TestEndBeforeHelloIsAnEnd(t *testing.T) {
	h := start(t)
	h.CloseInput()
	require.NoError(t, h.Wait())
}

func TestServersLimitsHaveEdges(t *testing.T) {
	serve := func(s bridge.Server) error {
		s.Handler = ok
		r, w := newPipe(t)
		_ = w.Close()
		return s.ServeConn(r, w)
	}
	for name, c := range map[string]struct {
		set  func(s *bridge.Server, v int)
		good []int
		bad  []int
	}{
		"Window":       {func(s *bridge.Server, v int) { s.Window = v }, []int{-1, 0, 1, 16 << 20}, []int{-2, 16<<20 + 1}},
		"MaxStreams":   {func(s *bridge.Server, v int) { s.MaxStreams = v }, []int{0, 1}, []int{-1}},
		"MaxHead":      {func(s *bridge.Server, v int) { s.MaxHead = v }, []int{0, 1, 16 << 20}, []int{-1, 16<<20 + 1}},
		"MaxFrame":     {func(s *bridge.Server, v int) { s.MaxFrame = v }, []int{0, 65551}, []int{-1, 65550}},
		"MaxAbandoned": {func(s *bridge.Server, v int) { s.MaxAbandoned = v }, []int{-1, 0, 1}, []int{-2}},
		"SpareProcs":   {func(s *bridge.Server, v int) { s.SpareProcs = v }, []int{-1, 0, 1, 1_000}, []int{-2, 1_001}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, v := range c.good {
				var s bridge.Server
				c.set(&s, v)
				require.NoError(t, serve(s), "%d", v)
			}
			for _, v := range c.bad {
				var s bridge.Server
				c.set(&s, v)
				require.ErrorContains(t, serve(s), "Server."+name, "%d", v)
			}
		})
	}
	require.Error(t, (&bridge.Server{}).ServeConn(nil, nil), "no handler")
}

func TestDrainBeforeHelloIsAFault(t *testing.T) {
	h := start(t)
	h.Drain()
	requireFault(t, h, bridge.FaultBadGreeting)
}
