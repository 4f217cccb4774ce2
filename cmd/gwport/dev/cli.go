// Package dev is `gwport dev`: it watches what a Go program is made of, and builds the program at each change. Started by
// hand it runs the program too, and serves it by net/http; gwport_dev starts it in a node, and has the node's pool reloaded.
package dev

import (
	"cmp"
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gwport/gwport/cmd/gwport/command"
)

const usage = `Usage: gwport dev [--http ADDRESS] [DIR] [-- FLAGS]
       gwport dev --output FILE [DIR] [-- FLAGS]

Builds the Go program in DIR (default: the folder that you are in) at each change of a file that it is made
of: Go files, files that it embeds, go.mod, go.sum. FLAGS are for go build, as in: -- -tags dev

By itself it runs the program too, without Erlang, and starts it anew when a build was good. When a build
fails, what the compiler says is printed, and the program that runs goes on.

  --http ADDRESS  where the program serves, by GWPORT_HTTP (default: what that is set to, or 127.0.0.1:8080)

With --output it is the watcher that gwport_dev starts in a node, to have a pool reloaded:

  --output FILE   move each good program to FILE, and run none; say in lines that begin with gwport-dev,
                  on standard output, what happens; end when standard input does

Exit code: 0 it was told to end; 1 it could not go on; 2 a mistake in the arguments, or in what they name.
`

// defaultAddress is of this machine alone.
const defaultAddress = "127.0.0.1:8080"

// endGrace is how long the end may take.
const endGrace = 3 * time.Second

type options struct {
	dir, output, http string
	flags             []string
}

// Main is the command; args are those behind "dev".
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if err == nil {
		err = o.run(stdin, stdout, stderr)
	}
	return command.End("gwport dev", usage, err, stdout, stderr)
}

// parse takes flags before and behind the folder, and leaves what is behind "--" to go build.
func parse(args []string) (o options, err error) {
	for i, arg := range args {
		if arg == "--" {
			args, o.flags = args[:i], args[i+1:]
			break
		}
	}
	flags := command.Flags("gwport dev")
	flags.StringVar(&o.output, "output", "", "")
	flags.StringVar(&o.http, "http", "", "")
	folders, err := command.Parse(flags, args)
	if err != nil {
		return o, err
	}
	switch {
	case len(folders) > 1:
		return o, command.Mistakef("unexpected argument %q", folders[1])
	case o.output != "" && o.http != "":
		return o, command.Mistakef("--output and --http do not go together: with --output no program is run")
	}
	o.dir = "."
	if len(folders) == 1 {
		o.dir = folders[0]
	}
	o.http = cmp.Or(o.http, os.Getenv("GWPORT_HTTP"), defaultAddress)
	return o, nil
}

// run returns when it is told to end, by a signal or by the end of its input.
func (o options) run(stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p, err := look(ctx, o.dir, o.flags)
	if err != nil {
		return err
	}
	if o.output != "" {
		return o.serveNode(ctx, p, stdin, stdout)
	}
	return o.serveByHand(ctx, p, stderr)
}

// serveNode is for gwport_dev.
func (o options) serveNode(ctx context.Context, p *project, stdin io.Reader, stdout io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	defer close(done)
	go func() {
		_, _ = io.Copy(io.Discard, stdin)
		cancel()
		select {
		case <-done:
		case <-time.After(endGrace): // whatever it is busy with, nobody is left to be told
			os.Exit(1)
		}
	}()
	output, err := filepath.Abs(o.output)
	if err != nil {
		return err
	}
	b, err := newBuilder(p, output)
	if err != nil {
		return err
	}
	defer b.close()
	return watch(ctx, p, b, newEvents(stdout), nil)
}

// serveByHand runs what is built.
func (o options) serveByHand(ctx context.Context, p *project, stderr io.Writer) error {
	if err := isFree(o.http); err != nil {
		return command.Mistake{Err: err}
	}
	folder, err := os.MkdirTemp("", "gwport-dev-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	b, err := newBuilder(p, filepath.Join(folder, filepath.Base(p.dir)+exeSuffix()))
	if err != nil {
		return err
	}
	defer b.close()
	r := &runner{path: b.output, address: o.http, stderr: stderr, ended: make(chan *process, 1)}
	defer r.stop()
	return watch(ctx, p, b, &terminal{w: stderr, dir: p.dir}, r)
}
