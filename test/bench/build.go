package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

func (b *bench) prepare(ctx context.Context) error {
	raiseDescriptors()
	if err := b.build(ctx, filepath.Join(b.work, "app")); err != nil {
		return err
	}
	if b.before != nil {
		if err := b.before.build(ctx, filepath.Join(b.work, "app_before")); err != nil {
			return err
		}
		if b.before.paths = beamPaths(b.before.root); !hasApp(b.before.paths, "gwport") || !hasApp(b.before.paths, "cowboy") {
			return fmt.Errorf("bench: the Erlang half of %s is not built: `make build` there builds it", b.before.root)
		}
	}
	if err := b.writeFiles(); err != nil {
		return err
	}
	return b.compile(ctx)
}

// build builds the program of the tree's own test/bench.
func (t *source) build(ctx context.Context, app string) error {
	t.app = app
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", app, "./app")
	build.Dir = t.path("")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("bench: building the Go program of %s: %w\n%s", t.root, err, out)
	}
	return nil
}

// fileSizes are whole lines of the pattern.
var fileSizes = map[string]int{"64k": 64 * kb, "100k": 100 * kb, "1m": mb, "10m": 10 * mb}

func (b *bench) writeFiles() error {
	b.files, b.jsonFile = filepath.Join(b.work, "files"), filepath.Join(b.work, "body.json")
	b.cert = filepath.Join(b.work, "cert.pem")
	if err := writeCertificate(b.cert); err != nil {
		return err
	}
	if err := os.WriteFile(b.jsonFile, jsonBody(), 0o600); err != nil {
		return err
	}
	if err := os.Mkdir(b.files, 0o700); err != nil {
		return err
	}
	for name, size := range fileSizes {
		text := strings.Repeat(patternLine, size/len(patternLine))
		if err := os.WriteFile(filepath.Join(b.files, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// compile leaves ebin empty where there is no Erlang, or gwport's own half was not built.
func (b *bench) compile(ctx context.Context) error {
	b.paths = beamPaths(b.root)
	if _, err := exec.LookPath("erlc"); err != nil || !hasApp(b.paths, "gwport") || !hasApp(b.paths, "cowboy") {
		return nil
	}
	ebin := filepath.Join(b.work, "ebin")
	if err := os.Mkdir(ebin, 0o700); err != nil {
		return err
	}
	sources, err := filepath.Glob(b.path("erlang/*.erl"))
	if err != nil {
		return err
	}
	args := []string{"-o", ebin}
	for _, path := range b.paths {
		args = append(args, "-pa", path)
	}
	if out, err := exec.CommandContext(ctx, "erlc", append(args, sources...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("bench: compiling the Erlang modules: %w\n%s", err, out)
	}
	b.ebin = ebin
	return nil
}

// path is that of a file of the bench.
func (t *source) path(name string) string { return filepath.Join(t.root, "test/bench", name) }

// beamPaths are all folders of compiled modules that rebar3 or .ci/setup made, without the copies of gwport that other
// profiles have.
func beamPaths(root string) []string {
	var paths []string
	for _, pattern := range []string{
		"_build/default/lib/*/ebin", "_build/default/checkouts/*/ebin", "_checkouts/*/ebin",
		"_build/test/lib/*/ebin", "_build/bench/lib/*/ebin", "_checkouts/.offline/usr/lib/rabbitmq/lib/*/plugins/jsx-*/ebin",
	} {
		found, _ := filepath.Glob(filepath.Join(root, pattern)) // fails for a bad pattern only
		paths = append(paths, found...)
	}
	return slices.DeleteFunc(paths, func(p string) bool {
		return strings.Contains(p, "/lib/gwport/") && !strings.Contains(p, "_build/default/")
	})
}

func hasApp(paths []string, app string) bool {
	return slices.ContainsFunc(paths, func(p string) bool {
		_, err := os.Stat(filepath.Join(p, app+".app"))
		return err == nil
	})
}

// enoughDescriptors are for 10,000 clients of a proxy.
const enoughDescriptors = 65536

// raiseDescriptors takes what the system allows, which for root is more than it was given; servers inherit it.
func raiseDescriptors() {
	want := syscall.Rlimit{Cur: enoughDescriptors, Max: enoughDescriptors}
	var have syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &have) != nil {
		return
	}
	if have.Max >= want.Max || syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want) != nil {
		have.Cur = have.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &have) // with less, some loads are n/a
	}
}

// descriptors is how many a process may have.
func descriptors() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 1024
	}
	return int(min(limit.Max, 1<<30))
}
