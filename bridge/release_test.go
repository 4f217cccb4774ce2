package bridge_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
)

// A release is a section of CHANGELOG.md.
type release struct {
	major, minor, patch int
	oldest, newest      int // wire versions that it speaks; 0 where the section does not say
}

// SPEC.md, section 12: a release may add a wire version, and only a major one may drop one.
func TestVersionsOfPackageAndWireAreTied(t *testing.T) {
	app := read(t, "../erlang/gwport.app.src")
	vsn := regexp.MustCompile(`\{vsn, "(.*?)"\}`).FindStringSubmatch(app)
	require.NotNil(t, vsn)

	changes := read(t, "../CHANGELOG.md")
	require.Regexp(t, `(?m)\A# Changes\n\n## `+regexp.QuoteMeta(vsn[1])+` \(`, changes)
	releases, err := releasesOf(changes)
	require.NoError(t, err)
	require.NoError(t, tied(releases))
	// There has been one so far.
	require.Equal(t, []int{bridge.WireVersion, bridge.WireVersion}, []int{releases[0].oldest, releases[0].newest},
		"the topmost section of CHANGELOG.md says which wire version it speaks")

	require.Regexp(t, fmt.Sprintf(`\A# The gwport wire, version %d\n`, bridge.WireVersion), read(t, "../SPEC.md"))
	require.Contains(t, read(t, "../erlang/gwport_greeting.erl"), fmt.Sprintf("-define(WIRE_VERSION, %d).\n", bridge.WireVersion))
	require.Contains(t, read(t, "../cmd/gwport/scaffold/version.go"), fmt.Sprintf("inCheckout = \"v%s\"\n", vsn[1]))
}

func TestTies(t *testing.T) {
	for text, want := range map[string]string{
		"## 0.1.0 (not released)\n\n- Wire version 1 (SPEC.md)\n":                                                            "",
		"## 0.1.0-rc.1 (2026-12-01)\n- Wire version 1\n":                                                                     "",
		"## 0.1.2 (2027-01-01)\n- Wire versions 1 to 2\n## 0.1.1 (2026-12-02)\nx\n## 0.1.0 (2026-12-01)\n- Wire version 1\n": "",
		"## 0.2.0 (2027-01-01)\n- Wire version 2\n## 0.1.0 (2026-12-01)\n- Wire versions 1 to 2\n":                           "",
		"## 2.0.0 (2027-01-01)\n- wire versions 2 to 3\n## 1.9.9 (2026-12-01)\n- Wire versions 1 to 2\n":                     "",
		"## 0.1.1 (2027-01-01)\n- Wire version 2\n## 0.1.0 (2026-12-01)\n- Wire versions 1 to 2\n":                           "0.1.1 drops wire version 1, which needs 0.2.0",
		"## 1.1.0 (2027-01-01)\n- Wire version 2\n## 1.0.0 (2026-12-01)\n- Wire versions 1 to 2\n":                           "1.1.0 drops wire version 1, which needs 2.0.0",
		"## 2.0.0 (2027-01-01)\n- Wire version 2\n## 1.0.0 (2026-12-01)\n- Wire version 1\n":                                 "2.0.0 drops wire version 1 before any release has spoken 1 and 2",
		"## 0.2.0 (2027-01-01)\n- Wire version 1\n## 0.1.0 (2026-12-01)\n- Wire versions 1 to 2\n":                           "0.2.0 speaks wire version 1, and 0.1.0 spoke 2",
		"## 0.1.0 (2027-01-01)\nx\n## 0.1.0 (2026-12-01)\n- Wire version 1\n":                                                "0.1.0 stands above 0.1.0",
		"## 0.1 (2027-01-01)\n": `"0.1 (2027-01-01)" is no version and date`,
		"none\n":                "no release",
	} {
		releases, err := releasesOf(text)
		if err == nil {
			err = tied(releases)
		}
		if want == "" {
			require.NoError(t, err, text)
		} else {
			require.ErrorContains(t, err, want, text)
		}
	}
}

var (
	sectionTitle = regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z.-]+)? \([^)]+\)\n`)
	wireWords    = regexp.MustCompile(`(?i)\bwire versions? (\d+)(?: to (\d+))?`)
)

// releasesOf returns the sections of a CHANGELOG.md, the newest first.
func releasesOf(text string) (releases []release, err error) {
	for _, section := range strings.Split("\n"+text, "\n## ")[1:] {
		m := sectionTitle.FindStringSubmatch(section + "\n")
		if m == nil {
			title, _, _ := strings.Cut(section, "\n")
			return nil, fmt.Errorf("%q is no version and date", title)
		}
		r := release{major: number(m[1]), minor: number(m[2]), patch: number(m[3])}
		if w := wireWords.FindStringSubmatch(section); w != nil {
			r.oldest, r.newest = number(w[1]), max(number(w[1]), number(w[2]))
		}
		releases = append(releases, r)
	}
	if len(releases) == 0 {
		return nil, fmt.Errorf("no release")
	}
	return releases, nil
}

// tied holds each release to the one before it: versions rise, and a wire version is dropped by a major release alone,
// or by a minor one before 1.0, and not before one that speaks its successor too has been out.
func tied(releases []release) error {
	before := releases[len(releases)-1]
	for i := len(releases) - 2; i >= 0; i-- {
		r := releases[i]
		if !r.isAbove(before) {
			return fmt.Errorf("%s stands above %s", r, before)
		}
		if r.newest == 0 {
			r.oldest, r.newest = before.oldest, before.newest
		}
		needs := release{major: before.major + 1}
		if before.major == 0 {
			needs = release{minor: before.minor + 1}
		}
		switch {
		case r.newest < before.newest:
			return fmt.Errorf("%s speaks wire version %d, and %s spoke %d", r, r.newest, before, before.newest)
		case r.oldest > before.newest:
			return fmt.Errorf("%s drops wire version %d before any release has spoken %d and %d", r, before.newest, before.newest, r.oldest)
		case r.oldest > before.oldest && needs.isAbove(r):
			return fmt.Errorf("%s drops wire version %d, which needs %s", r, before.oldest, needs)
		}
		before = r
	}
	return nil
}

func (r release) isAbove(other release) bool {
	if r.major != other.major {
		return r.major > other.major
	}
	if r.minor != other.minor {
		return r.minor > other.minor
	}
	return r.patch > other.patch
}

func (r release) String() string { return fmt.Sprintf("%d.%d.%d", r.major, r.minor, r.patch) }

func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}
