package thirdparty

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	nodeModules  = "../../_build/thirdparty/node_modules"
	nodeRunLimit = time.Minute
)

// grpc-js, another implementation of gRPC over another of HTTP/2, sees of us what it sees of net/http.
func TestGRPCFromNode(t *testing.T) {
	require.NoError(t, installOnce(), "grpc-js; `.ci/setup full` installs node and npm where they are missing")
	modules, err := filepath.Abs(nodeModules)
	require.NoError(t, err)
	compareOver(t, []string{"h2c"}, "grpc", func(c *client) {
		ctx, cancel := context.WithTimeout(c.t.Context(), nodeRunLimit)
		defer cancel()
		cmd := exec.CommandContext(ctx, "node", "node/client.js", c.addr, c.app+".test")
		cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		require.NoError(c.t, err, "%s%s", out, &errs)
		for line := range strings.Lines(string(out)) {
			var called []any
			require.NoError(c.t, json.Unmarshal([]byte(line), &called))
			require.Len(c.t, called, 2)
			c.note(called[0].(string), called[1])
		}
		require.Len(c.t, c.notes, 13)
	})
}

// installOnce brings what node/package.json asks for, if it is not there.
var installOnce = sync.OnceValue(func() error {
	want, err := os.ReadFile("node/package.json")
	if err != nil {
		return err
	}
	folder := filepath.Dir(nodeModules)
	asked, installed := filepath.Join(folder, "package.json"), filepath.Join(folder, "installed.json")
	if have, err := os.ReadFile(installed); err == nil && string(have) == string(want) {
		return nil
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(asked, want, 0o644); err != nil {
		return err
	}
	npm := exec.Command("npm", "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	npm.Dir = folder
	npm.Stderr = os.Stderr
	if err := npm.Run(); err != nil {
		return err
	}
	return os.WriteFile(installed, want, 0o644) // last: what is half installed is installed again
})
