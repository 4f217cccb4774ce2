package devpage

import (
	"bufio"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxFrames  = 100     // that are shown of a stack
	around     = 6       // lines of a source before and behind the one that counts
	maxSource  = 4 << 20 // bytes of a file that is read for them
	maxLine    = 400     // bytes of one that are shown
	maxSources = 12      // frames whose sources are shown
)

// MaxStack is how many counters of a stack are of use here.
const MaxStack = 4 * maxFrames

// stack is what has been called when an app panicked, the last call first.
type stack struct {
	frames []frame
	shown  int // the frame whose source is open
	isCut  bool
}

type frame struct {
	function, file string
	line           int
	kind           kind
}

type kind int

const (
	own     kind = iota // of the program's own module
	library             // of another
	folded              // of Go and of gwport
)

// readStack makes a stack of what runtime.Callers has said in a function that was deferred.
func readStack(pcs []uintptr) stack {
	var all []frame
	thrown, again := -1, -1
	frames := runtime.CallersFrames(pcs)
	for more := len(pcs) > 0; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if f.Function == "runtime.gopanic" || f.Function == "runtime.Goexit" {
			if again = len(all); thrown < 0 {
				thrown = len(all)
			}
		}
		all = append(all, frame{f.Function, f.File, f.Line, kindOf(f.Function)})
	}
	s := stack{frames: all[thrown+1:]}
	if len(s.frames) > maxFrames {
		s.frames, s.isCut = s.frames[:maxFrames], true
	}
	// Where a value was thrown once more, the first time is of interest.
	s.shown = s.first(max(again-thrown, 0))
	return s
}

// first is the innermost frame of the program's own from there on; without one the innermost that is not folded.
func (s *stack) first(from int) int {
	best := min(from, max(len(s.frames)-1, 0))
	for _, wanted := range []kind{own, library} {
		for i := best; i < len(s.frames); i++ {
			if s.frames[i].kind == wanted {
				return i
			}
		}
	}
	return best
}

// group is frames that are shown together: one, or several that are folded.
type group struct {
	first  int
	frames []frame
}

func (s *stack) groups() []group {
	var groups []group
	for i, f := range s.frames {
		last := len(groups) - 1
		if f.kind == folded && i != s.shown && last >= 0 && groups[last].isFolded(s.shown) {
			groups[last].frames = append(groups[last].frames, f)
			continue
		}
		groups = append(groups, group{i, []frame{f}})
	}
	return groups
}

func (g group) isFolded(shown int) bool { return g.frames[0].kind == folded && g.first != shown }

// show shows a group; nth counts them.
func (g group) show(m *markup, nth, shown int) {
	if g.isFolded(shown) {
		m.raw("<details class=\"folded\"><summary>").text(count(len(g.frames))).raw(" of Go and gwport</summary>\n")
		for _, f := range g.frames {
			m.raw("<p>")
			f.title(m)
			m.raw("</p>\n")
		}
		m.raw("</details>\n")
		return
	}
	f := g.frames[0]
	switch {
	case g.first == shown:
		m.raw("<details class=\"own\" open><summary>")
	case f.kind == own:
		m.raw("<details class=\"own\"><summary>")
	default:
		m.raw("<details><summary>")
	}
	f.title(m)
	m.raw("</summary>\n")
	if g.first == shown || nth < maxSources {
		f.source(m)
	}
	m.raw("</details>\n")
}

func count(n int) string {
	if n == 1 {
		return "1 frame"
	}
	return strconv.Itoa(n) + " frames"
}

func (f frame) title(m *markup) {
	m.raw("<code>").text(f.function).raw("</code> <span>").text(f.file + ":" + strconv.Itoa(f.line)).raw("</span>")
}

// source shows the lines around the frame's.
func (f frame) source(m *markup) {
	lines, changed, err := readLines(f.file, f.line-around, f.line+around)
	switch {
	case err != nil:
		m.raw("<p class=\"note\">The source is not where the program was built, or not named by a whole path (as with <code>-trimpath</code>): ")
		m.text(err.Error()).raw("</p>\n")
		return
	case len(lines) == 0:
		m.raw("<p class=\"note\">The file has no such line any more: it has changed since the program was built.</p>\n")
		return
	case changed:
		m.raw("<p class=\"note\">The file has changed since the program was built, so these may be other lines.</p>\n")
	}
	m.raw("<pre class=\"source\">")
	for _, l := range lines {
		if l.number == f.line {
			m.raw("<mark>")
		}
		m.raw("<b>").text(strconv.Itoa(l.number)).raw("</b> <span>").text(cut(l.text, maxLine)).raw("</span>")
		if l.number == f.line {
			m.raw("</mark>")
		}
		m.raw("\n")
	}
	m.raw("</pre>\n")
}

type sourceLine struct {
	number int
	text   string
}

// readLines reads some lines of a file, and tells whether that is newer than the program.
func readLines(path string, from, to int) (lines []sourceLine, changed bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, false, err
	case !info.Mode().IsRegular() || info.Size() > maxSource:
		return nil, false, &os.PathError{Op: "read", Path: path, Err: os.ErrInvalid}
	}
	in := bufio.NewScanner(file)
	in.Buffer(nil, maxSource)
	for n := 1; n <= to && in.Scan(); n++ {
		if n >= from {
			lines = append(lines, sourceLine{n, in.Text()})
		}
	}
	return lines, info.ModTime().After(built()), in.Err()
}

// Executable is the file that the process was started from, also where another has taken its name since.
func Executable() (os.FileInfo, error) {
	if info, err := os.Stat("/proc/self/exe"); err == nil {
		return info, nil
	}
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return os.Stat(path)
}

// built is when the program was.
var built = sync.OnceValue(func() time.Time {
	info, err := Executable()
	if err != nil {
		return time.Now()
	}
	return info.ModTime()
})

const gwport = "github.com/gwport/gwport/bridge"

// kindOf tells whose a function is, by its package's path.
func kindOf(function string) kind {
	first, _, _ := strings.Cut(function, "/")
	switch {
	case strings.HasPrefix(function, "main."):
		return own
	case strings.HasPrefix(function, gwport+".") || strings.HasPrefix(function, gwport+"/"):
		return folded
	case mainModule() != "" && (strings.HasPrefix(function, mainModule()+".") || strings.HasPrefix(function, mainModule()+"/") ||
		strings.HasPrefix(function, mainModule()+"_test.")):
		return own
	case !strings.Contains(first, ".") || !strings.Contains(function, "/"):
		return folded // of Go's own packages, whose paths have no dot in front of the first slash
	}
	return library
}

var mainModule = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return info.Main.Path
})
