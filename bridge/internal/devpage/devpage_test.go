package devpage

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFunctionsAreTheProgramsOwnByTheirPackage(t *testing.T) {
	for function, want := range map[string]kind{
		"main.main": own, "main.(*shop).tea.func1": own,
		"github.com/gwport/gwport/apps.hello": own, "github.com/gwport/gwport/bridge_test.TestX": own, // the main module here
		"github.com/gwport/gwport/bridge.App.ServeHTTP": folded, "github.com/gwport/gwport/bridge/internal/mux.(*Conn).work": folded,
		"runtime.gopanic": folded, "net/http.HandlerFunc.ServeHTTP": folded, "strings.Repeat": folded,
		"vendor/golang.org/x/net/http2/hpack.x": folded, "slices.SortFunc[go.shape.[]string]": folded,
		"github.com/go-chi/chi/v5.(*Mux).ServeHTTP": library, "gopkg.in/yaml%2ev3.Unmarshal": library,
	} {
		require.Equal(t, want, kindOf(function), function)
	}
}

// thrown is the stack of a panic, as a function that was deferred sees it.
func thrown(f func()) (pcs []uintptr) {
	defer func() {
		_ = recover()
		pcs = make([]uintptr, MaxStack)
		pcs = pcs[:runtime.Callers(1, pcs)]
	}()
	f()
	return nil
}

func deep(n int) {
	if n == 0 {
		panic("at the bottom")
	}
	deep(n - 1)
}

func TestStackBeginsWhereTheValueWasThrown(t *testing.T) {
	s := readStack(thrown(func() { deep(3) }))
	require.Equal(t, "github.com/gwport/gwport/bridge/internal/devpage.deep", s.frames[0].function)
	require.False(t, s.isCut)
	s = readStack(thrown(func() {
		defer func() { panic(recover()) }()
		deep(0)
	}))
	require.Contains(t, s.frames[0].function, "TestStackBeginsWhereTheValueWasThrown", "it was thrown again there")
	// All of these are folded, as gwport's own, and the frame that is shown is where it was thrown first.
	require.Equal(t, "runtime.gopanic", s.frames[s.shown-1].function)
	require.Contains(t, s.frames[s.shown].function, ".deep")
}

func TestStacksThatAreTooLongAreCut(t *testing.T) {
	for depth, cut := range map[int]bool{10: false, 1000: true} {
		p := Page{Panicked: true, Stack: thrown(func() { deep(depth) })}
		require.Equal(t, cut, strings.Contains(string(p.HTML()), "More frames than can be shown here"))
	}
	require.NotPanics(t, func() { (&Page{Panicked: true}).HTML() }, "no stack")
}

func TestSourcesThatAreNotThereAreSaidNotToBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tea.go")
	require.NoError(t, os.WriteFile(file, []byte("package tea\n\nvar a = \"<b>\"\n"), 0o600))
	shown := func(f frame) string {
		var m markup
		f.source(&m)
		return string(m.b)
	}
	require.NoError(t, os.Chtimes(file, time.Time{}, time.Unix(1, 0)))
	require.Equal(t, "<pre class=\"source\"><b>1</b> <span>package tea</span>\n<b>2</b> <span></span>\n"+
		"<mark><b>3</b> <span>var a = &#34;&lt;b&gt;&#34;</span></mark>\n</pre>\n", shown(frame{file: file, line: 3}))
	require.Contains(t, shown(frame{file: file, line: 30}), "has no such line any more")
	require.NoError(t, os.Chtimes(file, time.Time{}, time.Now().Add(time.Hour)))
	require.Contains(t, shown(frame{file: file, line: 3}), "has changed since the program was built")
	for _, other := range []string{"example.com/shop/tea.go", file + "x", t.TempDir(), os.DevNull} {
		require.Contains(t, shown(frame{file: other, line: 3}), "as with <code>-trimpath</code>")
	}
}

func TestWhatIsLongIsCut(t *testing.T) {
	long := strings.Repeat("€", 100_000)
	p := Page{Status: 500, Value: long, Panicked: true, URL: "/" + long, Fields: []Pair{{long, long}}, Lines: []Line{{Text: long}}}
	require.Less(t, len(p.HTML()), 64<<10)
	p = Page{Status: 503, Text: long, Method: "GET", URL: "/?" + long}
	require.Less(t, len(p.HTML()), 64<<10)
	require.Less(t, len(Apps("/"+long, nil, "")), 64<<10)
}
