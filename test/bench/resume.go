package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// resultsFile has all runs, and is written whenever a load has been finished: the bench can be interrupted, and can be
// run in pieces.
const resultsFile = "results.jsonl"

func (res *Results) save(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	// One that is half written must not take the place of a whole one.
	name := filepath.Join(folder, resultsFile)
	if err := writeFile(name+".new", res.write); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

// resume takes over what the folder has of the same tree, machine and settings; it is an error if that is of others.
func (res *Results) resume(folder string) error {
	earlier, err := readResultsFile(filepath.Join(folder, resultsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if what := res.differs(earlier); what != "" {
		return fmt.Errorf("bench: %s cannot be resumed: %s; without -resume it is begun anew", filepath.Join(folder, resultsFile), what)
	}
	if earlier.Command != res.Command {
		res.Command = earlier.Command + "`, `" + res.Command
	}
	res.Started, res.Machine, res.Runs = earlier.Started, earlier.Machine, earlier.Runs
	return nil
}

// loadBefore is the one fact that may be another each time.
const loadBefore = "Load before"

// differs says which fact of the two runs is not the same, if there is one.
func (res *Results) differs(earlier *Results) string {
	here, there := slices.Concat(res.Machine, res.Versions), slices.Concat(earlier.Machine, earlier.Versions)
	for _, f := range here {
		if f.Name != loadBefore && !slices.Contains(there, f) {
			return fmt.Sprintf("%s is %s here", f.Name, f.Value)
		}
	}
	for _, f := range there {
		if f.Name != loadBefore && !slices.Contains(here, f) {
			return fmt.Sprintf("%s is %s there", f.Name, f.Value)
		}
	}
	return ""
}

// whole tells whether there is nothing left to run of a load: each contestant has its rounds, or the reason why not.
func (res *Results) whole(p plan, l load) bool {
	for _, c := range p.takingPart(l) {
		runs := res.of(l.name, c.name)
		if len(runs) < p.rounds && (len(runs) == 0 || runs[0].Round != 0) {
			return false
		}
	}
	return true
}

// forget drops the runs of a load. Contestants that were measured apart from each other must not be compared.
func (res *Results) forget(l load) {
	res.Runs = slices.DeleteFunc(res.Runs, func(r Run) bool { return r.Load == l.name })
}
