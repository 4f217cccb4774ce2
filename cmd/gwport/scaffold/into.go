package scaffold

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/gwport/gwport/cmd/gwport/command"
)

var isMixApp = regexp.MustCompile(`(?m)^\s*app:\s*:([a-z][a-z0-9_]*)`)

// addTo adds the Go program to the application in dir, and says what is to be added to it by hand: nobody but who wrote
// them can tell where in a supervisor and in routes.
func (p *project) addTo(stdout io.Writer, dir string) error {
	p.Folder = p.Name
	if err := p.look(dir); err != nil {
		return command.Mistake{Err: err}
	}
	if err := p.write(stdout, "go", dir, p.Folder); err != nil {
		return err
	}
	said, err := p.configure(stdout, dir)
	if err != nil {
		return err
	}
	// Told before go is run: it is what is to be done even where that fails.
	fmt.Fprintf(stdout, "\nTo be added by hand:\n%s", said)
	return p.finish(stdout, dir)
}

// look finds out which application is in dir.
func (p *project) look(dir string) error {
	if _, err := os.Lstat(filepath.Join(dir, p.Folder)); err == nil {
		return fmt.Errorf("%s is there already", filepath.Join(dir, p.Folder))
	}
	if mix, err := os.ReadFile(filepath.Join(dir, "mix.exs")); err == nil {
		found := isMixApp.FindSubmatch(mix)
		if found == nil {
			return fmt.Errorf("%s names no application (app: :name)", filepath.Join(dir, "mix.exs"))
		}
		p.Mix, p.App = true, string(found[1])
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "src", "*.app.src"))
	switch {
	case err != nil:
		return err
	case len(files) == 1:
		p.App = strings.TrimSuffix(filepath.Base(files[0]), ".app.src")
		return nil
	case len(files) > 1:
		return fmt.Errorf("%s has %d applications in src", dir, len(files))
	}
	apps, _ := filepath.Glob(filepath.Join(dir, "apps", "*", "src", "*.app.src"))
	if len(apps) > 0 {
		return fmt.Errorf("%s has several applications: name one of them, such as %s", dir, filepath.Dir(filepath.Dir(apps[0])))
	}
	return fmt.Errorf("%s has neither a mix.exs nor a src/*.app.src: it is no application of Mix or rebar3", dir)
}

// configure adds the dependency and the hook where nothing can go wrong, and returns what is left to do.
func (p *project) configure(stdout io.Writer, dir string) (string, error) {
	if p.Mix {
		return p.fill(intoMix)
	}
	added, err := p.appendTo(stdout, filepath.Join(dir, "rebar.config"))
	if err != nil {
		return "", err
	}
	if added {
		return p.fill(intoRebar3)
	}
	return p.fill(intoRebarConfig + intoRebar3)
}

// appendTo adds both to a rebar.config in which neither word stands, not even in a comment. Its terms have no order.
func (p *project) appendTo(stdout io.Writer, file string) (bool, error) {
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return false, err
	}
	if strings.Contains(string(old), "deps") || strings.Contains(string(old), "pre_hooks") {
		return false, nil
	}
	text, err := p.fill(rebarConfig)
	if err != nil {
		return false, err
	}
	if len(old) > 0 && !strings.HasSuffix(string(old), "\n") {
		text = "\n" + text
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	if err != nil {
		return false, err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return false, err
	}
	fmt.Fprintf(stdout, "added deps and pre_hooks to %s\n", file)
	return true, nil
}

const (
	rebarConfig = `{deps, [{{.Dep}}]}.
{pre_hooks, [{compile, "{{.GoBuild}}"}]}.
`
	intoRebarConfig = `
rebar.config, among deps and pre_hooks:
    {{.Dep}}
    {compile, "{{.GoBuild}}"}
`
	intoRebar3 = `
src/{{.App}}.app.src, among applications:
    cowboy, gwport

A supervisor, among its children:
    gwport:child_spec(#{name => {{.Name}}, command => {priv, {{.App}}, "{{.Name}}"}})

Cowboy's routes, which gwport_handler:routes/1 checks on their way to cowboy_router:compile/1:
    {"/{{.Name}}/[...]", gwport_handler, #{pool => {{.Name}}}}

The options of cowboy:start_clear/3 and start_tls/3, for WebSocket and for long responses on HTTP/2:
    stream_handlers => [gwport_pipeline_h, cowboy_stream_h], idle_timeout => infinity

prep_stop/1 of the application, so that what is under way is finished when it stops:
    ok = ranch:suspend_listener(LISTENER), ok = gwport:drain({{.Name}})

A configuration that only development has, such as rebar3 shell's, to have what is saved built and go live:
    {gwport, [{dev, [#{pool => {{.Name}}, dir => "{{.Folder}}", env => [{"CGO_ENABLED", "0"}]}]}]}

.gitignore:
    /priv/{{.Name}}
`
	intoMix = `
mix.exs, among deps and aliases:
    {{.MixDep}}
    compile: ["cmd --cd {{.Folder}} go build -o ../priv/{{.Name}} .", "compile"]

A supervisor, among its children:
    :gwport.child_spec(%{name: :{{.Name}}, command: {:priv, :{{.App}}, "{{.Name}}"}})

A router, of Plug's or of Phoenix's (one of these two):
    forward "/{{.Name}}", to: Gwport.Plug, init_opts: [pool: :{{.Name}}]
    forward "/{{.Name}}", Gwport.Plug, pool: :{{.Name}}

prep_stop/1 of the application, so that what is under way is finished when it stops (on Cowboy, behind
:ranch.suspend_listener(LISTENER)):
    :ok = :gwport.drain(:{{.Name}})

config/dev.exs, to have what is saved built and go live:
    config :gwport, dev: [%{pool: :{{.Name}}, dir: "{{.Folder}}"}]

.gitignore:
    /priv/{{.Name}}
`
)
