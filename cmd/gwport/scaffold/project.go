package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/gwport/gwport/cmd/gwport/command"
)

//go:embed templates
var templates embed.FS

// A project is what the templates are filled with.
type project struct {
	Name     string // of the application, the pool and the program
	App      string // the application that has the program: Name, but with --into
	Folder   string // of the Go program in the application: go, or Name with --into
	Version  string // of gwport, as go.mod has it
	Checkout string // of gwport, or ""
	Mix      bool
}

// plan checks what is asked for besides the name.
func (o options) plan() (*project, error) {
	p := &project{Name: o.name, App: o.name, Folder: "go", Version: thisVersion(), Mix: o.mix}
	if o.checkout == "" {
		if p.Version == "" {
			return nil, command.Mistakef("this gwport was built in a checkout, of which no version is known: --checkout DIR says where one is")
		}
		return p, nil
	}
	dir, err := filepath.Abs(o.checkout)
	if err != nil {
		return nil, err
	}
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil || !bytes.HasPrefix(mod, []byte("module "+modulePath+"\n")) {
		return nil, command.Mistakef("--checkout %s is no checkout of %s", o.checkout, repository)
	}
	p.Checkout, p.Version = dir, inCheckout
	return p, nil
}

// Dep and MixDep are the dependency in a rebar.config and a mix.exs. That of a checkout is a link in _checkouts, which
// rebar3 looks at before it looks at deps.
func (p *project) Dep() string {
	if p.Checkout != "" {
		return fmt.Sprintf(`{gwport, {git, "%s", {branch, "main"}}}`, repository)
	}
	kind, name := ref(p.Version)
	return fmt.Sprintf(`{gwport, {git, "%s", {%s, "%s"}}}`, repository, kind, name)
}

func (p *project) MixDep() string {
	if p.Checkout != "" {
		return `{:gwport, path: "_checkouts/gwport"}`
	}
	kind, name := ref(p.Version)
	return fmt.Sprintf(`{:gwport, git: "%s", %s: "%s"}`, repository, kind, name)
}

// GoBuild is the command of rebar3's hook, which runs in the application's folder.
func (p *project) GoBuild() string {
	return fmt.Sprintf("sh -c 'cd %s && CGO_ENABLED=0 go build -o ../priv/%s .'", p.Folder, p.Name)
}

func (p *project) Module() string { return module(p.App) }

// make makes a project in a folder that is not there yet.
func (p *project) make(stdout io.Writer, dir string) error {
	if _, err := os.Lstat(dir); err == nil {
		return command.Mistakef("%s is there already", dir)
	}
	kind := map[bool]string{false: "rebar3", true: "mix"}[p.Mix]
	for _, part := range []struct{ from, to string }{{kind, "."}, {"go", p.Folder}} {
		if err := p.write(stdout, part.from, dir, part.to); err != nil {
			return err
		}
	}
	if err := p.file(stdout, "templates/README.md.tmpl", dir, "README.md"); err != nil {
		return err
	}
	if err := p.finish(stdout, dir); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\n`make dev` in %s serves http://localhost:8080/%s/tea; `make test` and `make release` are the next.\n", dir, p.Name)
	return nil
}

// write fills the templates of a folder into one below dir.
func (p *project) write(stdout io.Writer, from, dir, to string) error {
	root := path.Join("templates", from)
	return fs.WalkDir(templates, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return p.file(stdout, name, dir, path.Join(to, p.fileName(strings.TrimPrefix(name, root+"/"))))
	})
}

// fileName is the name that a template's file gets. Go embeds no files whose names begin with a dot in a plain pattern.
func (p *project) fileName(name string) string {
	name = strings.ReplaceAll(strings.TrimSuffix(name, ".tmpl"), "NAME", p.Name)
	switch name {
	case "gitignore", "dockerignore", "formatter.exs":
		return "." + name
	}
	return name
}

func (p *project) file(stdout io.Writer, from, dir, to string) error {
	text, err := templates.ReadFile(from)
	if err != nil {
		return err
	}
	filled, err := p.fill(string(text))
	if err != nil {
		return err
	}
	name := filepath.Join(dir, filepath.FromSlash(to))
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666) // what is there stays
	if err != nil {
		return err
	}
	_, err = f.WriteString(filled)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "made %s\n", name)
	return nil
}

// finish links the checkout, and completes go.mod and go.sum, without which no Go tool works in there.
func (p *project) finish(stdout io.Writer, dir string) error {
	if p.Checkout != "" {
		link := filepath.Join(dir, "_checkouts", "gwport")
		if err := os.MkdirAll(filepath.Dir(link), 0o777); err != nil {
			return err
		}
		if old, err := os.Readlink(link); err != nil || old != p.Checkout {
			if err := os.Symlink(p.Checkout, link); err != nil {
				return err
			}
			fmt.Fprintf(stdout, "made %s, a link to %s\n", link, p.Checkout)
		}
	}
	module := filepath.Join(dir, p.Folder)
	tidy := exec.Command("go", "mod", "tidy")
	tidy.Dir = module
	if out, err := tidy.CombinedOutput(); err != nil {
		return fmt.Errorf("all is written, but `go mod tidy` in %s failed (%w) and is to be run again:\n%s", module, err, out)
	}
	return nil
}

func (p *project) fill(text string) (string, error) {
	t, err := template.New("").Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, p)
	return b.String(), err
}
