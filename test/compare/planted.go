package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gwport/gwport/test/compare/cases"
	"github.com/gwport/gwport/test/compare/script"
)

// Planted faults are what the comparison is itself tested with: each is a small edit of gwport's own source that makes one
// thing wrong, and the cases that are named beside it must then fail. faults.go is their table.
//
// The tree is not touched. The edited file lies elsewhere, and is put in the place of the real one by an overlay of
// `go build`, or by a folder of compiled modules that differs in one.

// A fault is one edit.
type fault struct {
	name string // what is wrong then
	file string // from the tree's root
	// old stands in the file exactly once, and new takes its place.
	old, new string
	shows    []sign
}

// A sign is a place where a fault must show.
type sign struct {
	name, transport string // THEME/NAME
	mounts          []string
	fact            string // that then differs from net/http as it does not without the fault
}

func (s sign) String() string {
	return fmt.Sprintf("%s %s %s: %s", s.name, s.transport, strings.Join(s.mounts, " "), s.fact)
}

// edited is the file's text with the fault in it.
func (f *fault) edited(t tree) ([]byte, error) {
	text, err := os.ReadFile(t.path(f.file))
	if err != nil {
		return nil, fmt.Errorf("%w: the table in test/compare/faults.go names a file that is gone", err)
	}
	if n := bytes.Count(text, []byte(f.old)); n != 1 {
		return nil, fmt.Errorf("the text that it replaces stands %d times in %s, and not once; whoever changed the file must "+
			"change the table in test/compare/faults.go as well:\n%s", n, f.file, f.old)
	}
	return bytes.Replace(text, []byte(f.old), []byte(f.new), 1), nil
}

// plant makes a tree and a program with the fault in the folder. What the fault does not touch is the clean one's.
func (f *fault) plant(ctx context.Context, t tree, clean, folder string) (tree, string, error) {
	text, err := f.edited(t)
	if err != nil {
		return t, "", err
	}
	file := filepath.Join(folder, filepath.Base(f.file))
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return t, "", err
	}
	if strings.HasSuffix(f.file, ".go") {
		app := filepath.Join(folder, "app")
		return t, app, t.overlay(ctx, f.file, file, app)
	}
	ebin, err := t.recompile(ctx, file, folder)
	return tree{root: t.root, ebin: ebin}, clean, err
}

// overlay builds the program with another file in the place of one.
func (t tree) overlay(ctx context.Context, name, file, app string) error {
	name, err := filepath.Abs(t.path(name))
	if err != nil {
		return err
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": {name: file}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(app+".json", list, 0o600); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-overlay", app+".json", "-o", app, "./app")
	build.Dir = t.path("test/compare")
	return quietly(build)
}

// recompile copies the compiled modules, with another source for one of them.
func (t tree) recompile(ctx context.Context, file, folder string) (string, error) {
	ebin := filepath.Join(folder, "gwport", "ebin")
	if err := os.CopyFS(ebin, os.DirFS(t.path(ownEbin))); err != nil {
		return "", err
	}
	args := []string{"-o", ebin}
	for _, dir := range t.beams() {
		args = append(args, "-pa", dir)
	}
	return ebin, quietly(exec.CommandContext(ctx, "erlc", append(args, file)...))
}

func quietly(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("with the fault it does not compile: %w\n%s", err, out)
	}
	return nil
}

// A planter runs the cases that faults are to show in.
type planter struct {
	tree  tree
	work  string
	clean *servers
	lists rows
	green map[string]verdict // without a fault, by place
}

// plantAll plants each of the faults whose name matches and tells what became of it: nil where all its signs were seen.
func plantAll(ctx context.Context, t tree, work string, faults []fault, tell func(*fault, time.Duration, error)) error {
	clean, err := start(ctx, t, work)
	if err != nil {
		return err
	}
	defer clean.stop()
	p := &planter{tree: t, work: work, clean: clean, lists: rowsOf(cases.Themes()), green: make(map[string]verdict)}
	var signs []sign
	for _, f := range faults {
		signs = append(signs, f.shows...)
	}
	for _, v := range p.ask(clean, signs) {
		p.green[v.place()] = v
	}
	for i := range faults {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		began := time.Now()
		err := p.try(ctx, &faults[i])
		tell(&faults[i], time.Since(began), err)
	}
	return nil
}

// try plants one fault and looks for its signs.
func (p *planter) try(ctx context.Context, f *fault) error {
	for _, s := range f.shows {
		if err := p.isGreen(s); err != nil {
			return err
		}
	}
	folder, err := os.MkdirTemp(p.work, "planted")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder) //nolint:errcheck // what stays goes with the folder that it is in
	t, app, err := f.plant(ctx, p.tree, p.clean.file("app"), folder)
	if err != nil {
		return err
	}
	s, err := p.clean.beside(t, app)
	if err != nil {
		return fmt.Errorf("with the fault nothing is served at all: %w", err)
	}
	defer s.end()
	if got := exchange(plain, cases.H1, s.mounts[cases.Route], s.at); got["status"] != "200" || got["end"] != "whole" {
		return fmt.Errorf("with the fault the plainest request is not served, so that every case is red: %q", got)
	}
	return p.seen(f, s)
}

var plain = &cases.Case{Do: []script.Op{script.Do("write", "x")}}

// isGreen: who is red already would show nothing.
func (p *planter) isGreen(s sign) error {
	for _, mount := range s.mounts {
		v, found := p.green[s.place(mount)]
		switch {
		case !found:
			return fmt.Errorf("there is no case %s on %s by %s", s.name, s.transport, mount)
		case v.kind == failed:
			return fmt.Errorf("it differs without the fault too, so that it shows nothing:\n%s", v.line())
		}
	}
	return nil
}

func (s sign) place(mount string) string {
	return strings.Join([]string{s.name, s.transport, mount}, "\t")
}

// seen looks for the signs where the fault is.
func (p *planter) seen(f *fault, s *servers) error {
	red := make(map[string]verdict)
	for _, v := range p.ask(s, f.shows) {
		red[v.place()] = v
	}
	var missed []error
	for _, sign := range f.shows {
		for _, mount := range sign.mounts {
			before, now := p.green[sign.place(mount)], red[sign.place(mount)]
			switch {
			case now.kind != failed:
				missed = append(missed, fmt.Errorf("not seen: %s is no failure", now.line()))
			case !isNew(sign.fact, before, now):
				missed = append(missed, fmt.Errorf("%s does not show; instead:\n%s", sign.fact, now.line()))
			}
		}
	}
	return errors.Join(missed...)
}

// isNew tells whether a fact differs now as it did not before.
func isNew(fact string, before, now verdict) bool {
	return slices.ContainsFunc(now.differs, func(d difference) bool {
		return d.name == fact && !slices.Contains(before.differs, d)
	})
}

var everyCase = regexp.MustCompile(".")

// ask runs the cases of the signs side by side.
func (p *planter) ask(s *servers, signs []sign) []verdict {
	wanted := make(map[string]bool)
	for _, sign := range signs {
		for _, mount := range sign.mounts {
			wanted[sign.place(mount)] = true
		}
	}
	var mu sync.Mutex
	var all []verdict
	var wg sync.WaitGroup
	for _, j := range jobs(cases.Themes(), everyCase) {
		for _, mount := range append(slices.Clone(cases.Every), cases.Call) {
			if !wanted[sign{name: j.theme + "/" + j.c.Name, transport: j.transport}.place(mount)] {
				continue
			}
			one := j
			one.mounts = []string{mount}
			wg.Go(func() {
				verdicts := s.compare(one, p.lists)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, verdicts...)
			})
		}
	}
	wg.Wait()
	return all
}

// runPlanted is the command line's: a line for each fault.
func runPlanted(ctx context.Context, out io.Writer, root, work string, only *regexp.Regexp) error {
	wanted := slices.DeleteFunc(slices.Clone(faults), func(f fault) bool { return !only.MatchString(f.name) })
	missed := 0
	err := plantAll(ctx, tree{root: root}, work, wanted, func(f *fault, took time.Duration, err error) {
		if err != nil {
			missed++
			fmt.Fprintf(out, "MISSED  %s (%s)\n        %s\n", f.name, f.file, strings.ReplaceAll(err.Error(), "\n", "\n        "))
			return
		}
		fmt.Fprintf(out, "seen    %s (%s, %.1fs)\n", f.name, f.file, took.Seconds())
		for _, s := range f.shows {
			fmt.Fprintf(out, "        %s\n", s)
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d of %d planted faults turn their cases red\n", len(wanted)-missed, len(wanted))
	if missed > 0 {
		return fmt.Errorf("compare: %d planted faults are not seen", missed)
	}
	return nil
}
