package cowboy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// A tree is a gwport repository's root.
type tree string

var errNoErlang = errors.New("cowboy: erl, erlc and rebar3 are needed on PATH: .ci/setup full brings them")

// treeOf looks for the root from the working directory upwards, where none is named.
func treeOf(root string) (tree, error) {
	if root != "" {
		root, err := filepath.Abs(root)
		return tree(root), err
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cowboy: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "erlang/gwport.app.src")); err == nil {
			return tree(dir), nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("cowboy: the working directory is in no gwport repository; set Options.Tree")
		}
		dir = up
	}
}

// compile gives the code paths: the tree's and its dependencies', and that of the test's own modules.
func (t tree) compile(ctx context.Context, work string, modules []string) ([]string, error) {
	for _, tool := range []string{"erl", "erlc", "rebar3"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, errNoErlang
		}
	}
	if err := t.rebar3(ctx); err != nil {
		return nil, err
	}
	source := filepath.Join(work, "cowboy_server.erl")
	if err := os.WriteFile(source, serverSource, 0o600); err != nil {
		return nil, fmt.Errorf("cowboy: %w", err)
	}
	paths := append(t.paths(), work)
	args := []string{"-o", work}
	for _, path := range paths {
		args = append(args, "-pa", path)
	}
	erlc := exec.CommandContext(ctx, "erlc", append(append(args, source), modules...)...)
	if out, err := erlc.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("cowboy: erlc: %w\n%s", err, out)
	}
	return paths, nil
}

var compiled sync.Map // tree to func() error

// rebar3 compiles the tree, once in a process. Other processes wait: two rebar3 in one folder harm each other.
func (t tree) rebar3(ctx context.Context) error {
	once, _ := compiled.LoadOrStore(t, sync.OnceValue(func() error {
		unlock, err := t.lock()
		if err != nil {
			return err
		}
		defer unlock()
		cmd := exec.CommandContext(ctx, "rebar3", "compile")
		cmd.Dir = string(t)
		cmd.Env = append(os.Environ(), "QUIET=1", "GWPORT_SKIP_BUILD=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("cowboy: rebar3 compile: %w\n%s", err, out)
		}
		return nil
	}))
	return once.(func() error)()
}

func (t tree) lock() (func(), error) {
	if err := os.MkdirAll(filepath.Join(string(t), "_build"), 0o755); err != nil {
		return nil, fmt.Errorf("cowboy: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(string(t), "_build/.cowboy.lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("cowboy: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		_ = file.Close() // the lock's failure says more
		return nil, fmt.Errorf("cowboy: %s: %w", file.Name(), err)
	}
	return func() { _ = file.Close() }, nil // which unlocks it
}

// paths are the folders of compiled modules that rebar3 or .ci/setup made.
func (t tree) paths() []string {
	var paths []string
	for _, pattern := range []string{
		"_build/default/lib/*/ebin", "_build/default/checkouts/*/ebin", "_checkouts/*/ebin",
	} {
		found, _ := filepath.Glob(filepath.Join(string(t), pattern)) // fails for a bad pattern only
		paths = append(paths, found...)
	}
	return paths
}
