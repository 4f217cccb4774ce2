package dev

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/gwport/gwport/cmd/gwport/command"
)

// One save is several events, and one command of an editor or of git several saves: a build begins when there was
// none for quietTime, or when the first was mostQuiet ago.
const (
	quietTime = 40 * time.Millisecond
	mostQuiet = 400 * time.Millisecond
)

// watcher is the loop: all that follows belongs to its goroutine.
type watcher struct {
	*builder
	tell    teller
	runner  *runner // nil in a node
	fs      *fsnotify.Watcher
	sources *sources
	watched map[string]bool

	first    time.Time // of the changes that no build has begun for; zero if there are none
	quiet    *time.Timer
	building bool
	failed   bool // the last build has
	results  chan result
	lists    chan list
}

type list struct {
	sources *sources
	err     error
}

// watch builds at once, and then at each change, until ctx ends.
func watch(ctx context.Context, p *project, b *builder, tell teller, r *runner) error {
	files, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("files cannot be watched: %w", err)
	}
	defer files.Close()
	w := &watcher{
		builder: b, tell: tell, runner: r, fs: files, watched: make(map[string]bool), quiet: time.NewTimer(time.Hour),
		results: make(chan result, 1), lists: make(chan list, 1),
	}
	w.quiet.Stop()
	sources, err := p.list(ctx)
	if ctx.Err() != nil {
		return nil
	} else if err != nil {
		return err
	}
	if sources.name != "" && sources.name != "main" {
		return command.Mistakef("package %s in %s is no program, which would be package main", sources.name, p.dir)
	}
	if _, err := w.adopt(sources); err != nil {
		return err
	}
	tell.started(p.dir)
	w.begin(ctx)
	err = w.loop(ctx)
	if w.building { // it is killed, and leaves no file behind
		<-w.results
	}
	return err
}

func (w *watcher) loop(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, ok := <-w.fs.Events:
			if !ok {
				return errors.New("files are not watched any more")
			}
			if is, err := w.isChange(e); err != nil {
				return err
			} else if is {
				w.changed()
			}
		case err := <-w.fs.Errors:
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				return fmt.Errorf("files cannot be watched: %w", err)
			}
			w.changed() // what it was is not known
		case <-w.quiet.C:
			w.begin(ctx)
		case r := <-w.results:
			w.ended(ctx, r)
		case l := <-w.lists:
			if err := w.listed(l); err != nil {
				return err
			}
		case p := <-w.runner.ends():
			w.runner.sayEnd(p)
		}
	}
}

// changed begins a build when there is quiet. One that is under way goes on, and another one follows it.
func (w *watcher) changed() {
	now := time.Now()
	if w.first.IsZero() {
		w.first = now
	}
	if !w.building {
		w.quiet.Reset(max(0, min(quietTime, time.Until(w.first.Add(mostQuiet)))))
	}
}

func (w *watcher) begin(ctx context.Context) {
	w.first, w.building = time.Time{}, true
	w.tell.building()
	go func() { w.results <- w.build(ctx) }()
}

// ended tells what came of a build. That one failed on what has been changed since is not told: the next build is.
func (w *watcher) ended(ctx context.Context, r result) {
	w.building = false
	isStale := !w.first.IsZero()
	w.failed = r.output != ""
	switch {
	case ctx.Err() != nil:
		return
	case w.failed && isStale:
	case w.failed:
		w.tell.failed(r)
	default:
		w.tell.built(r)
		w.runner.start(r.isNew)
	}
	if isStale {
		w.changed()
	}
	// What is imported and embedded may be other files now.
	go func() {
		s, err := w.list(ctx)
		select {
		case w.lists <- list{s, err}:
		case <-ctx.Done():
		}
	}()
}

// listed has new files watched. What was saved in a folder before that was seen nowhere else.
func (w *watcher) listed(l list) error {
	if l.err != nil { // as go.mod is just now; the build says it too
		return nil
	}
	found, err := w.adopt(l.sources)
	if found && !w.building {
		w.changed()
	}
	return err
}

// adopt watches what the program is made of, and the folders of its modules, in which there may be more soon. It says whether
// there is something new.
func (w *watcher) adopt(s *sources) (isNew bool, err error) {
	for file := range s.files {
		isNew = isNew || w.sources != nil && !w.sources.files[file] && !w.watched[filepath.Dir(file)]
	}
	w.sources = s
	for folder := range s.folders {
		if err := w.add(folder); err != nil {
			return isNew, err
		}
	}
	for _, module := range s.modules {
		if _, err := w.addTree(module); err != nil {
			return isNew, err
		}
	}
	return isNew, nil
}

func (w *watcher) add(folder string) error {
	if w.watched[folder] {
		return nil
	}
	err := w.fs.Add(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist): // it has just been removed
		return nil
	case err != nil:
		return fmt.Errorf("%s cannot be watched, after %d folders that are (on Linux fs.inotify.max_user_watches bounds them): %w", folder, len(w.watched), err)
	}
	w.watched[folder] = true
	return nil
}

// addTree watches a folder and those below, and says whether files are in there that call for a build.
func (w *watcher) addTree(root string) (isChange bool, err error) {
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil: // it has just been removed, or is not for us
			return nil
		case !d.IsDir():
			isChange = isChange || w.sources.wants(name, w.failed)
			return nil
		case name != root && !w.sources.passes(name), name == w.folder.path:
			return fs.SkipDir
		}
		return w.add(name)
	})
	return isChange, err
}

// isChange says whether an event calls for a build.
func (w *watcher) isChange(e fsnotify.Event) (bool, error) {
	if e.Op == fsnotify.Chmod || e.Name == w.output || e.Name == w.folder.path {
		return false, nil
	}
	if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
		wasWatched := w.watched[e.Name]
		w.forget(e.Name)
		return wasWatched && w.sources.folders[e.Name] || w.sources.wants(e.Name, w.failed), nil
	}
	if e.Has(fsnotify.Create) {
		if info, err := os.Lstat(e.Name); err == nil && info.IsDir() {
			if !w.sources.passes(e.Name) {
				return false, nil
			}
			return w.addTree(e.Name)
		}
	}
	return w.sources.wants(e.Name, w.failed), nil
}

// forget has a folder watched anew when there is one of that name again.
func (w *watcher) forget(folder string) {
	if !w.watched[folder] {
		return
	}
	_ = w.fs.Remove(folder) // where it was renamed it is still watched, under its old name
	delete(w.watched, folder)
}
