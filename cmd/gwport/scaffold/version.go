package scaffold

import (
	"regexp"
	"runtime/debug"
	"strings"
)

const (
	modulePath = "github.com/gwport/gwport"
	repository = "https://" + modulePath
	// inCheckout is what go.mod requires beside a replace: any version would do.
	inCheckout = "v0.1.0"
)

// Of a commit without a tag: v0.1.1-0.20261127215551-cc7ce10abcde.
var isPseudo = regexp.MustCompile(`[-.](?:0\.)?\d{14}-([0-9a-f]{12})$`)

// thisVersion is the version that this program was built of, as `go run ...@v0.1.0` and `go install ...@v0.1.0` know it, or
// "" for one that was built in a checkout.
func thisVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != modulePath || !strings.HasPrefix(info.Main.Version, "v") || strings.Contains(info.Main.Version, "+dirty") {
		return ""
	}
	return info.Main.Version
}

// ref is what git knows a version by: a tag, or a commit's hash.
func ref(version string) (kind, name string) {
	if m := isPseudo.FindStringSubmatch(version); m != nil {
		return "ref", m[1]
	}
	return "tag", version
}
