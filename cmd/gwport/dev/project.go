package dev

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/gwport/gwport/cmd/gwport/command"
)

// project is where a program is, and how it is built.
type project struct {
	dir   string // of the main package; what the compiler says names files relative to it
	work  string // go.work, or ""
	flags []string
}

// look finds a program's folder, and says what keeps it from being one.
func look(ctx context.Context, dir string, flags []string) (*project, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, command.Mistakef("%s is no folder", dir)
	}
	if _, err := exec.LookPath("go"); err != nil {
		return nil, command.Mistakef("there is no `go` on PATH; it is needed to build the program (https://go.dev/dl)")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	// What the compiler and the system call a file is then the same.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	out, err := output(ctx, dir, "env", "-json", "GOMOD", "GOWORK")
	if err != nil {
		return nil, err
	}
	var env struct{ GOMOD, GOWORK string }
	if err := json.Unmarshal(out, &env); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	if env.GOMOD == "" || env.GOMOD == os.DevNull {
		return nil, command.Mistakef("%s is in no Go module: neither there nor in a folder above it is a go.mod", dir)
	}
	p := &project{dir: dir, flags: flags}
	if env.GOWORK != "off" {
		p.work = env.GOWORK
	}
	return p, nil
}

// output is what a command of go's prints; its own words are the error where it fails.
func output(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return nil, fmt.Errorf("go %s: %s", args[0], bytes.TrimSpace(failed.Stderr))
	}
	return out, err
}

// sources is what a program is made of.
type sources struct {
	name    string              // of its package
	modules []string            // folders of the modules that are here to be changed, the workspace's own
	files   map[string]bool     // all that go build reads, and that may change
	folders map[string]bool     // where these are, and what is above them in their module
	embeds  map[string][]string // folders of packages, and the patterns of what each embeds
}

// sourceKinds are the ends of the names of what a package is made of.
var sourceKinds = map[string]bool{
	".go": true, ".c": true, ".cc": true, ".cpp": true, ".cxx": true, ".m": true, ".f": true, ".F": true, ".for": true, ".f90": true,
	".h": true, ".hh": true, ".hpp": true, ".hxx": true, ".s": true, ".S": true, ".sx": true, ".swig": true, ".swigcxx": true, ".syso": true,
}

// listed is what go list says of a package.
type listed struct {
	Dir, Name string
	Standard  bool
	DepOnly   bool
	Module    *struct {
		Dir, GoMod, Version string
		Main                bool
		Replace             *struct{ Version string }
	}
	EmbedPatterns, EmbedFiles                           []string
	GoFiles, CgoFiles, CFiles, CXXFiles, MFiles, HFiles []string
	FFiles, SFiles, SwigFiles, SwigCXXFiles, SysoFiles  []string
	IgnoredGoFiles, InvalidGoFiles                      []string
}

const listFields = "-json=Dir,Name,Standard,DepOnly,Module,EmbedPatterns,EmbedFiles,GoFiles,CgoFiles,CFiles,CXXFiles,MFiles," +
	"HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles,IgnoredGoFiles,InvalidGoFiles"

func (l *listed) files() [][]string {
	return [][]string{
		l.EmbedFiles, l.GoFiles, l.CgoFiles, l.CFiles, l.CXXFiles, l.MFiles, l.HFiles, l.FFiles, l.SFiles,
		l.SwigFiles, l.SwigCXXFiles, l.SysoFiles, l.IgnoredGoFiles, l.InvalidGoFiles,
	}
}

// isHere says whether the package is of a module that is changed where it is, and not by a version.
func (l *listed) isHere() bool {
	return !l.Standard && l.Module != nil && l.Module.Dir != "" &&
		(l.Module.Main || l.Module.Replace != nil && l.Module.Replace.Version == "")
}

// list asks go what the program is made of. What is wrong with a package is no error: the build says it.
func (p *project) list(ctx context.Context) (*sources, error) {
	args := append([]string{"list", "-e", "-deps", listFields}, p.flags...)
	out, err := output(ctx, p.dir, append(args, ".")...)
	if err != nil {
		return nil, err
	}
	s := &sources{files: make(map[string]bool), folders: make(map[string]bool), embeds: make(map[string][]string)}
	if p.work != "" {
		s.add(filepath.Dir(p.work), p.work, p.work+".sum")
	}
	modules := make(map[string]bool)
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var l listed
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
			return s, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		if !l.DepOnly {
			s.name = l.Name
		}
		if !l.isHere() {
			continue
		}
		if l.Module.Main && !modules[l.Module.Dir] {
			modules[l.Module.Dir] = true
			s.modules = append(s.modules, l.Module.Dir)
		}
		s.take(&l)
	}
}

func (s *sources) take(l *listed) {
	root := l.Module.Dir
	s.add(root, l.Module.GoMod, strings.TrimSuffix(l.Module.GoMod, ".mod")+".sum")
	if l.Dir == "" {
		return
	}
	s.embeds[l.Dir] = l.EmbedPatterns
	s.above(root, l.Dir)
	for _, files := range l.files() {
		for _, file := range files {
			if !filepath.IsAbs(file) { // cgo's are, and are made anew
				s.add(root, filepath.Join(l.Dir, filepath.FromSlash(file)))
			}
		}
	}
}

func (s *sources) add(root string, files ...string) {
	for _, file := range files {
		s.files[file] = true
		s.above(root, filepath.Dir(file))
	}
}

// above notes a folder, and those that lead to it.
func (s *sources) above(root, folder string) {
	for !s.folders[folder] {
		s.folders[folder] = true
		if folder == root || filepath.Dir(folder) == folder {
			return
		}
		folder = filepath.Dir(folder)
	}
}

// wants says whether a change of a file calls for a build. After a build that failed any file of Go's may be what was missing.
func (s *sources) wants(file string, failed bool) bool {
	base := filepath.Base(file)
	switch {
	case s.files[file]:
		return true
	case isTemporary(base):
		return false
	case s.isEmbedded(file):
		return true
	case base[0] == '.' || base[0] == '_' || strings.HasSuffix(base, "_test.go"): // no part of a program
		return false
	}
	_, isOfPackage := s.embeds[filepath.Dir(file)]
	return sourceKinds[filepath.Ext(base)] && (isOfPackage || failed)
}

// isEmbedded says whether a package above the file embeds it, or a folder that it is in.
func (s *sources) isEmbedded(file string) bool {
	for dir := filepath.Dir(file); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if embeds(s.embeds[dir], filepath.ToSlash(strings.TrimPrefix(file, dir+string(filepath.Separator)))) {
			return true
		}
	}
	return false
}

// embeds says whether one of the patterns names the file, or a folder above it.
func embeds(patterns []string, file string) bool {
	for _, pattern := range patterns {
		pattern = strings.TrimPrefix(pattern, "all:")
		for name := file; name != "."; name = path.Dir(name) {
			if ok, _ := path.Match(pattern, name); ok || pattern == "." {
				return true
			}
		}
	}
	return false
}

// isTemporary says whether a name is one that editors give to what they do not keep.
func isTemporary(base string) bool {
	switch {
	case base == "4913": // with which vim tries whether it may write
		return true
	case strings.HasPrefix(base, ".#"), strings.HasPrefix(base, "#"), strings.HasPrefix(base, ".goutputstream-"), strings.HasSuffix(base, "~"),
		strings.HasSuffix(base, "___jb_tmp___"), strings.HasSuffix(base, "___jb_old___"):
		return true
	}
	switch filepath.Ext(base) {
	case ".swp", ".swo", ".swx", ".tmp", ".bak", ".part":
		return true
	}
	return false
}

// passes says whether a folder of a module is looked into, for what may come there.
func (s *sources) passes(folder string) bool {
	if s.folders[folder] {
		return true
	}
	base := filepath.Base(folder)
	if base[0] == '.' || base[0] == '_' || base == "testdata" || base == "node_modules" || base == "vendor" {
		return false
	}
	_, err := os.Stat(filepath.Join(folder, "go.mod")) // another module
	return err != nil
}
