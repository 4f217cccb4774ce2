package bridge_test

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/gwport/gwport/"

// The architecture, held: cmd/gwport -> apps -> bridge -> mux -> wire -> etf. Terms, the wire and the streams on it know
// nothing of HTTP, and the bridge of no app; who imports the bridge alone gets no module but this one.
func TestPackagesNameOnlyWhatStandsToTheirRight(t *testing.T) {
	for pkg, forbidden := range map[string][]string{
		"etf":                  {"net/http", module + "bridge", module + "apps", "github.com/okeuday"},
		"bridge/internal/wire": {"net", "context", module + "bridge/internal/mux", module + "apps", module + "cmd", "github.com/okeuday"},
		"bridge/internal/mux":  {"net", "context", module + "apps", module + "cmd", "github.com/okeuday"},
		"bridge":               {module + "apps", module + "cmd", "github.com/okeuday", "github.com/stretchr", "github.com/fsnotify"},
		"bridge/erlanggo":      {module + "apps", module + "cmd"},
		"bridge/bridgetest":    {module + "apps", module + "cmd", "github.com/okeuday"},
		"bridge/middleware":    {module + "apps", module + "cmd", "github.com/okeuday", "github.com/stretchr", "github.com/fsnotify"},
		"apps":                 {module + "cmd"},
	} {
		// Addresses are values, and nothing of a network: etf reads them from terms.
		const addresses = "net/netip"
		out, err := exec.Command("go", "list", "-deps", module+pkg).CombinedOutput()
		require.NoError(t, err, string(out))
		for dep := range strings.Lines(string(out)) {
			for _, f := range forbidden {
				require.False(t, strings.HasPrefix(dep, f) && strings.TrimSpace(dep) != addresses, "%s depends on %s", pkg, dep)
			}
		}
	}
}

// Within a package the same holds of its files, in groups: each names only what stands in its own, or in one below.
func TestFilesNameOnlyWhatStandsBelow(t *testing.T) {
	for pkg, groups := range map[string][]string{
		"bridge": {
			"doc",
			"serve process process_unix process_linux process_bsd process_other httpdev devroutes devwriter byhand",
			"port",
			"evidence",
			"errorpage",
			"app appcall appof deferred requestof ownframe environof validate validate_environ validate_input validate_response validate_body", // an App in a handler's place, and the other way round
			"devlog log log_early log_stderr logvalue",
			"exchange handler body context conn connect",
			"response failure finish controller hijack head field sink shared memory memory_file memory_linux memory_other file file_linux file_other",
			"request environ watch path url fieldname",
			"server validation errors codes limits",
		},
		"bridge/internal/mux": {
			"doc",
			"conn reader writer drain evidence overrun workers log outbox stream in out takeover whole pace wide app",
			"abort buffer credit deadline spares yields stacks",
			"limits",
		},
		"bridge/internal/wire": {
			"doc",
			"input greeting open head line evidence",
			"payload token",
			"frame kinds capabilities limits fault codes",
		},
	} {
		level := make(map[string]int)
		for i, files := range groups {
			for file := range strings.FieldsSeq(files) {
				level[file] = i
			}
		}
		for _, a := range arrowsOf(t, module+pkg) {
			for _, file := range []string{a.from, a.to} {
				require.Contains(t, level, file, "a file of %s that is in no group", pkg)
			}
			require.LessOrEqual(t, level[a.from], level[a.to], "%s.go of %s names %s, which stands above it, in %s.go",
				a.from, pkg, a.name, a.to)
		}
	}
}

// arrow says that a file names something that another declares.
type arrow struct{ from, to, name string }

// arrowsOf finds the arrows between a package's files.
func arrowsOf(t *testing.T, pkg string) []arrow {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, path := range goList(t, "-f", `{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}`, pkg) {
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
	}
	exports := make(map[string]string)
	for _, line := range goList(t, "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}", pkg) {
		path, file, _ := strings.Cut(line, " ")
		exports[path] = file
	}
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	checked, err := (&types.Config{Importer: importer.ForCompiler(fset, "gc", lookup)}).Check(pkg, fset, files, info)
	require.NoError(t, err)
	base := func(at token.Pos) string { return strings.TrimSuffix(filepath.Base(fset.File(at).Name()), ".go") }
	var arrows []arrow
	for ident, object := range info.Uses {
		if object.Pkg() == checked && object.Pos().IsValid() && base(ident.Pos()) != base(object.Pos()) {
			arrows = append(arrows, arrow{base(ident.Pos()), base(object.Pos()), object.Name()})
		}
	}
	require.NotEmpty(t, arrows)
	return arrows
}

// goList is the lines that go list prints.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
