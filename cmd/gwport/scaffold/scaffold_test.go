package scaffold

import (
	"go/format"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The whole of what is made is tested by test/slow/gwport_new_SUITE.erl: built, released, asked.

const root = "../../.."

func try(args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = Main(args, &out, &err)
	return code, out.String(), err.String()
}

// inFolder has a test in a folder of its own, and returns what --checkout is to be there.
func inFolder(t *testing.T) string {
	t.Helper()
	checkout, err := filepath.Abs(root)
	require.NoError(t, err)
	t.Chdir(t.TempDir())
	return checkout
}

func write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o777))
	require.NoError(t, os.WriteFile(name, []byte(text), 0o666))
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

func TestNames(t *testing.T) {
	for _, name := range []string{"shop", "a", "shop_2", "x9", strings.Repeat("a", mostName)} {
		require.NoError(t, checkName(name, true), name)
	}
	for name, want := range map[string]string{
		"":                              "a lower-case letter",
		"Shop":                          "a lower-case letter",
		"2shop":                         "a lower-case letter",
		"_shop":                         "a lower-case letter",
		"my-shop":                       "a lower-case letter",
		"my/shop":                       "a lower-case letter",
		"shöp":                          "a lower-case letter",
		"shop\n":                        "a lower-case letter",
		strings.Repeat("a", mostName+1): "61 characters, expected 60 at most",
		"receive":                       "reserved word of Erlang",
		"rescue":                        "reserved word of Elixir",
		"func":                          "keyword of Go",
		"cowboy":                        "another application",
		"gwport":                        "another application",
		"src":                           "a folder with a meaning",
		"vendor":                        "a folder with a meaning",
	} {
		require.ErrorContains(t, checkName(name, false), want, name)
	}
	require.NoError(t, checkName("agent", false))
	require.ErrorContains(t, checkName("agent", true), "a module Agent, which Elixir has")
	require.Equal(t, "ShopFront2", module("shop_front_2"))
}

func TestMistakes_in_the_arguments_exit_with_2_and_write_nothing(t *testing.T) {
	checkout := inFolder(t)
	require.NoError(t, os.Mkdir("there", 0o777))
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "no name"},
		{[]string{"shop", "till"}, `unexpected argument "till"`},
		{[]string{"--fast", "shop"}, "flag provided but not defined: -fast"},
		{[]string{"Shop"}, `the name "Shop", expected one such as shop`},
		{[]string{"--mix", "--into", "there", "shop"}, "--mix and --into do not go together"},
		{[]string{"shop"}, "no version is known: --checkout DIR"},
		{[]string{"--checkout", "there", "shop"}, "--checkout there is no checkout of"},
		{[]string{"--checkout", checkout, "there"}, "there is there already"},
		{[]string{"--checkout", checkout, "--into", "there", "shop"}, "there has neither a mix.exs nor a src/*.app.src"},
		{[]string{"--checkout", checkout, "--into", "nowhere", "shop"}, "nowhere has neither"},
	} {
		code, stdout, stderr := try(c.args...)
		require.Equal(t, 2, code, c.args)
		require.Empty(t, stdout)
		require.Contains(t, stderr, c.want)
		require.True(t, strings.HasPrefix(stderr, "gwport new: "), stderr)
		require.Contains(t, stderr, "; see gwport new --help\n")
	}
	left, err := filepath.Glob("*/*")
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestHelp_explains(t *testing.T) {
	for _, flag := range []string{"--help", "-h"} {
		code, stdout, stderr := try(flag)
		require.Zero(t, code)
		require.Empty(t, stderr)
		for _, word := range []string{"gwport new [--mix]", "--into DIR", "--checkout DIR", "Exit code"} {
			require.Contains(t, stdout, word)
		}
	}
}

// With a checkout nothing is to be fetched: the Go half is whole before anybody else has been there.
func TestProjects(t *testing.T) {
	both := strings.Fields(".dockerignore .gitignore Dockerfile Makefile README.md go/go.mod go/go.sum go/main.go go/main_test.go")
	for _, c := range []struct {
		kind  string
		files string
	}{
		{"rebar3", "config/dev.config config/sys.config config/vm.args rebar.config src/shop.app.src src/shop_app.erl src/shop_sup.erl test/shop_SUITE.erl"},
		{"mix", ".formatter.exs config/runtime.exs lib/shop/application.ex lib/shop/router.ex mix.exs test/shop_test.exs test/test_helper.exs"},
	} {
		t.Run(c.kind, func(t *testing.T) {
			checkout := inFolder(t)
			args := []string{"--checkout", checkout, "shop"}
			if c.kind == "mix" {
				args = append(args, "--mix") // behind the name, too
			}
			code, stdout, stderr := try(args...)
			require.Zero(t, code, stderr)
			require.Contains(t, stdout, "made shop/go/main.go\n")
			want := slices.Concat(both, strings.Fields(c.files))
			slices.Sort(want)
			require.Equal(t, want, files(t, "shop"))
			for _, name := range want {
				text := read(t, filepath.Join("shop", name))
				require.NotRegexp(t, `\{\{\.|<no value>|NAME|[ \t]\n`, text, name)
				if strings.HasSuffix(name, ".go") {
					formatted, err := format.Source([]byte(text))
					require.NoError(t, err)
					require.Equal(t, string(formatted), text)
				}
			}
			link, err := os.Readlink("shop/_checkouts/gwport")
			require.NoError(t, err)
			require.Equal(t, checkout, link)
			wantsNothing(t, "shop/go")
		})
	}
}

// wantsNothing has Go find all that the module's packages and tests import. What it makes of them is seen in the suite.
func wantsNothing(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-test", "./...")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names = append(names, name)
		}
		return err
	}))
	slices.Sort(names)
	return names
}

func TestInto_a_rebar3_application(t *testing.T) {
	hook := `{pre_hooks, [{compile, "sh -c 'cd till && CGO_ENABLED=0 go build -o ../priv/till .'"}]}.`
	for _, c := range []struct {
		name, before, after string
		says                bool // that rebar.config is to be changed
	}{
		{"without a rebar.config", "", "{deps, [{gwport, {git, \"https://github.com/gwport/gwport\", {branch, \"main\"}}}]}.\n" + hook + "\n", false},
		{"with other terms", "{erl_opts, []}.", "{erl_opts, []}.\n{deps, [{gwport, {git, \"https://github.com/gwport/gwport\", {branch, \"main\"}}}]}.\n" + hook + "\n", false},
		{"with deps", "{deps, []}.\n", "{deps, []}.\n", true},
		{"with pre_hooks", "{pre_hooks, []}.\n", "{pre_hooks, []}.\n", true},
		{"with neither, but a word of them", "%% no deps\n", "%% no deps\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkout := inFolder(t)
			write(t, "src/market.app.src", "{application, market, []}.\n")
			if c.before != "" {
				write(t, "rebar.config", c.before)
			}
			code, stdout, stderr := try("--into", ".", "--checkout", checkout, "till")
			require.Zero(t, code, stderr)
			require.Equal(t, c.after, read(t, "rebar.config"))
			require.Equal(t, c.says, strings.Contains(stdout, "\nrebar.config, among deps and pre_hooks:\n"))
			require.Contains(t, stdout, `gwport:child_spec(#{name => till, command => {priv, market, "till"}})`)
			require.Contains(t, stdout, `{"/till/[...]", gwport_handler, #{pool => till}}`)
			require.Equal(t, []string{"rebar.config", "src/market.app.src", "till/go.mod", "till/go.sum", "till/main.go", "till/main_test.go"}, files(t, "."))

			// A second one links nothing anew; the same one is refused.
			code, _, stderr = try("--into", ".", "--checkout", checkout, "desk")
			require.Zero(t, code, stderr)
			code, _, stderr = try("--into", ".", "--checkout", checkout, "till")
			require.Equal(t, 2, code)
			require.Contains(t, stderr, "till is there already")
		})
	}
}

func TestInto_a_mix_application(t *testing.T) {
	checkout := inFolder(t)
	mix := "  def project do\n    [\n      app: :market,\n"
	write(t, "mix.exs", mix)
	code, stdout, stderr := try("--into", ".", "--checkout", checkout, "till")
	require.Zero(t, code, stderr)
	require.Equal(t, mix, read(t, "mix.exs"))
	require.Contains(t, stdout, `:gwport.child_spec(%{name: :till, command: {:priv, :market, "till"}})`)
	require.Contains(t, stdout, `forward "/till", to: Gwport.Plug, init_opts: [pool: :till]`)
	require.Contains(t, stdout, `compile: ["cmd --cd till go build -o ../priv/till .", "compile"]`)
}

func TestInto_several_applications_names_one(t *testing.T) {
	checkout := inFolder(t)
	write(t, "apps/market/src/market.app.src", "")
	code, _, stderr := try("--into", ".", "--checkout", checkout, "till")
	require.Equal(t, 2, code)
	require.Contains(t, stderr, "name one of them, such as apps/market")
}

// What Go cannot have is said with what is to be done, and is no mistake of the arguments.
func TestTidy_that_fails_exits_with_1(t *testing.T) {
	checkout := inFolder(t)
	t.Setenv("PATH", "")
	code, stdout, stderr := try("--checkout", checkout, "shop")
	require.Equal(t, 1, code)
	require.Contains(t, stdout, "made shop/go/main.go\n")
	require.Contains(t, stderr, "gwport new: all is written, but `go mod tidy` in shop/go failed")
}

func TestVersions_are_git_s_tags_and_commits(t *testing.T) {
	for version, want := range map[string]string{
		"v0.1.0":                                    `{gwport, {git, "https://github.com/gwport/gwport", {tag, "v0.1.0"}}}`,
		"v1.0.0-rc.1":                               `{gwport, {git, "https://github.com/gwport/gwport", {tag, "v1.0.0-rc.1"}}}`,
		"v0.0.0-20261127215551-cc7ce10abcde":        `{gwport, {git, "https://github.com/gwport/gwport", {ref, "cc7ce10abcde"}}}`,
		"v0.1.1-0.20261127215551-cc7ce10abcde":      `{gwport, {git, "https://github.com/gwport/gwport", {ref, "cc7ce10abcde"}}}`,
		"v0.1.1-rc.1.0.20261127215551-cc7ce10abcde": `{gwport, {git, "https://github.com/gwport/gwport", {ref, "cc7ce10abcde"}}}`,
	} {
		require.Equal(t, want, (&project{Version: version}).Dep())
	}
	require.Equal(t, `{:gwport, git: "https://github.com/gwport/gwport", tag: "v0.1.0"}`, (&project{Version: "v0.1.0"}).MixDep())
}

// The README shows files as what `gwport new shop` made.
func TestReadme_shows_what_is_made(t *testing.T) {
	shown := regexp.MustCompile("(?s)<!-- made: shop/([^ ]+) -->\n```[a-z]*\n(.*?)```\n").FindAllStringSubmatch(read(t, root+"/README.md"), -1)
	require.Len(t, shown, 5)
	p := &project{Name: "shop", App: "shop", Folder: "go", Version: "v0.1.0"}
	for _, file := range shown {
		name := "templates/rebar3/" + strings.ReplaceAll(file[1], "shop", "NAME") + ".tmpl"
		if strings.HasPrefix(file[1], "go/") {
			name = "templates/" + file[1] + ".tmpl"
		}
		made, err := p.fill(read(t, name))
		require.NoError(t, err)
		require.Equal(t, made, file[2], file[1])
	}
}
