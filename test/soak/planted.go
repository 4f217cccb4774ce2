package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// A planted bug is an edit of one of gwport's modules, with which the soak is itself tested: old stands in the file exactly
// once, and new takes its place. The tree is not touched: the edited module is compiled elsewhere.
type planted struct {
	name, file, old, new string
}

var (
	replayed = planted{
		name: "one of 50 requests with a body is replayed while its program lives", file: "erlang/gwport_exchange.erl",
		old: `first(Event = {credit, _}, Now, Exchange, _) ->
    to_stream({port, Event}, Now, Exchange);`,
		new: `first(Event = {credit, _}, Now, Exchange, Chance) ->
    case rand:uniform(50) of
        1 ->
            Down = {port_down, false, planted},
            died(gwport_chance:died(Down, Chance), Down, Now, Exchange, Chance);
        _ -> to_stream({port, Event}, Now, Exchange)
    end;`,
	}
	replyDropped = planted{
		name: "one of 50 replies does not get to its client", file: "erlang/gwport_stream_h.erl",
		old: `take([], Stream) ->
    {[], Stream};`,
		new: `take([], Stream) ->
    {[], Stream};
take([Reply | Rest], Stream) when element(1, Reply) =:= response ->
    case rand:uniform(50) of
        1 -> {[], Stream};
        _ -> before([Reply], take(Rest, Stream))
    end;`,
	}
)

// plant makes a tree with the bug in the folder.
func (p *planted) plant(ctx context.Context, t tree, folder string) (tree, error) {
	text, err := os.ReadFile(t.path(p.file))
	if err != nil {
		return t, fmt.Errorf("soak: %w: the table in test/soak/planted.go names a file that is gone", err)
	}
	if n := bytes.Count(text, []byte(p.old)); n != 1 {
		return t, fmt.Errorf("soak: the text that a planted bug replaces stands %d times in %s, and not once; whoever changed the "+
			"file must change test/soak/planted.go as well:\n%s", n, p.file, p.old)
	}
	file := filepath.Join(folder, filepath.Base(p.file))
	if err := os.WriteFile(file, bytes.Replace(text, []byte(p.old), []byte(p.new), 1), 0o600); err != nil {
		return t, err
	}
	ebin := filepath.Join(folder, "ebin")
	if err := os.CopyFS(ebin, os.DirFS(t.path(ownEbin))); err != nil {
		return t, err
	}
	out, err := exec.CommandContext(ctx, "erlc", append(t.paths(), "-o", ebin, file)...).CombinedOutput()
	if err != nil {
		return t, fmt.Errorf("soak: with the bug it does not compile: %w\n%s", err, out)
	}
	return tree{root: t.root, ebin: ebin}, nil
}
