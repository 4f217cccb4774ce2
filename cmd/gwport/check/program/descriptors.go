package program

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gwport/gwport/cmd/gwport/check/peer"
)

// checkDescriptors looks into /proc for P4. What a program has taken out of its
// environment cannot be seen there.
func checkDescriptors(t *trial) {
	h := t.greet(hello{})
	stdin, stdout := pipeName(h.p.stdin), pipeName(h.p.stdout)
	if stdin == "" {
		skip("there is no /proc here to look into")
	}
	proc := fmt.Sprintf("/proc/%d", h.p.cmd.Process.Pid)
	fds, _ := filepath.Glob(proc + "/fd/*")
	found := 0
	for _, fd := range fds {
		target, _ := os.Readlink(fd)
		if target != stdin && target != stdout {
			continue
		}
		found++
		if inherited(filepath.Join(proc, "fdinfo", filepath.Base(fd))) {
			peer.Fail("descriptor "+filepath.Base(fd)+" without close-on-exec", "the wire's descriptors closed on exec (SHOULD)")
		}
	}
	if found == 0 {
		skip("the wire is not the started process's own; it may be a child's")
	}
	h.settle()
}

// pipeName is the name of a pipe in /proc, the same for both of its ends.
func pipeName(f *os.File) string {
	raw, err := f.SyscallConn()
	if err != nil {
		return ""
	}
	name := ""
	_ = raw.Control(func(fd uintptr) { name, _ = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd)) })
	return name
}

// inherited reads the flags of a descriptor.
func inherited(fdinfo string) bool {
	b, err := os.ReadFile(fdinfo)
	if err != nil {
		return false
	}
	const closeOnExec = 0o2000000 // Linux's O_CLOEXEC
	for line := range strings.SplitSeq(string(b), "\n") {
		if flags, found := strings.CutPrefix(line, "flags:"); found {
			n, err := strconv.ParseUint(strings.TrimSpace(flags), 8, 64)
			return err == nil && n&closeOnExec == 0
		}
	}
	return false
}
