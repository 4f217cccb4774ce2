package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
)

// machine says what the figures were measured on, without naming it.
func machine() []Fact {
	facts := []Fact{
		{"Processors", strconv.Itoa(runtime.NumCPU()) + " × " + firstField("/proc/cpuinfo", "model name")},
		{"Memory", memory()},
		{"Kernel", versionNumber.FindString(read("/proc/sys/kernel/osrelease"))},
		{"System", strings.Trim(firstField("/etc/os-release", "PRETTY_NAME"), `"`)},
		{loadBefore, strings.Join(strings.Fields(read("/proc/loadavg") + " ")[:3], " ")},
	}
	return facts
}

func read(name string) string {
	b, err := os.ReadFile(name)
	if err != nil {
		return "? ? ?"
	}
	return string(b)
}

// firstField finds `name : value` or `name=value`.
func firstField(file, name string) string {
	for line := range strings.Lines(read(file)) {
		key, value, ok := strings.Cut(line, ":")
		if !ok {
			key, value, ok = strings.Cut(line, "=")
		}
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func memory() string {
	kib, err := strconv.Atoi(strings.TrimSuffix(firstField("/proc/meminfo", "MemTotal"), " kB"))
	if err != nil {
		return "unknown"
	}
	return strconv.Itoa((kib+512<<10)>>20) + " GiB"
}

// versions asks each tool for its own.
func (b *bench) versions(ctx context.Context) []Fact {
	facts := []Fact{{"Go", strings.TrimPrefix(runtime.Version(), "go")}}
	if b.ebin != "" {
		out, _ := exec.CommandContext(ctx, "erl", "-noshell", "-boot", "no_dot_erlang", "-eval",
			`io:format("~s ERTS ~s", [erlang:system_info(otp_release), erlang:system_info(version)]), halt().`).Output()
		facts = append(facts, Fact{"Erlang/OTP", string(out)})
	}
	for _, app := range []string{"cowboy", "ranch", "gun", "jsx"} {
		if v := appVersion(b.paths, app); v != "" {
			facts = append(facts, Fact{app, v})
		}
	}
	facts = append(facts, Fact{"gwport", b.revision(ctx)})
	if b.before != nil {
		facts = append(facts, Fact{"gwport, before", b.before.revision(ctx)})
	}
	if b.nginx != "" {
		facts = append(facts, Fact{"nginx", strings.TrimPrefix(nginxVersion(b.nginx), "nginx ")})
	}
	for _, tool := range [][2]string{{"wrk", "-v"}, {"h2load", "--version"}} {
		out, _ := exec.CommandContext(ctx, tool[0], tool[1]).CombinedOutput() // wrk ends with 1 after it
		if v := versionNumber.Find(out); v != nil {
			facts = append(facts, Fact{tool[0], string(v)})
		}
	}
	return facts
}

var (
	versionNumber = regexp.MustCompile(`\d+\.[0-9.]*\d`)
	vsn           = regexp.MustCompile(`\{vsn,\s*"([^"]*)"\}`)
)

func appVersion(paths []string, app string) string {
	for _, p := range paths {
		if b, err := os.ReadFile(filepath.Join(p, app+".app")); err == nil {
			if m := vsn.FindSubmatch(b); m != nil {
				return string(m[1])
			}
		}
	}
	return ""
}

// revision is the commit, and says if there is more: documents and results do not count, since they change no figure.
func (t *source) revision(ctx context.Context) string {
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir = t.root
		out, err := cmd.Output()
		return string(bytes.TrimSpace(out)), err
	}
	commit, err := git("describe", "--always")
	if err != nil {
		return "unknown"
	}
	changed, err := git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!*.md", ":!test/bench/results.*")
	if err != nil || changed != "" {
		commit += "-dirty"
	}
	return commit
}
