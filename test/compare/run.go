package main

import (
	"context"
	"regexp"
	"slices"
	"sync"

	"github.com/gwport/gwport/test/compare/cases"
)

// atOnce is how many cases run side by side.
const atOnce = 16

// A job is a case on one transport, with every mount or with some.
type job struct {
	theme     string
	c         *cases.Case
	transport string
	mounts    []string // nil: every one
}

func (j *job) has(mount string) bool { return j.mounts == nil || slices.Contains(j.mounts, mount) }

// jobs are all cases whose theme/name match.
func jobs(themes []cases.Theme, only *regexp.Regexp) []job {
	var all []job
	for _, t := range themes {
		for i := range t.Cases {
			c := &t.Cases[i]
			for _, transport := range cases.All {
				if c.Has(transport) && only.MatchString(t.Name+"/"+c.Name) {
					all = append(all, job{theme: t.Name, c: c, transport: transport})
				}
			}
		}
	}
	return all
}

// runAll runs the light ones side by side and the heavy ones one by one, and hands on each verdict as it comes.
func runAll(ctx context.Context, s *servers, themes []cases.Theme, only *regexp.Regexp, tell func(verdict)) {
	all, lists := jobs(themes, only), rowsOf(themes)
	var mu sync.Mutex
	one := func(j job) {
		for _, v := range s.compare(j, lists) {
			mu.Lock()
			tell(v)
			mu.Unlock()
		}
	}
	var wg sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, j := range all {
		if j.c.Heavy || ctx.Err() != nil {
			continue
		}
		places <- struct{}{}
		wg.Go(func() {
			one(j)
			<-places
		})
	}
	wg.Wait()
	for _, j := range all {
		if j.c.Heavy && ctx.Err() == nil {
			one(j)
		}
	}
}

// compare runs one job, the mounts side by side: some outcomes are seen by nothing that comes.
func (s *servers) compare(j job, lists rows) []verdict {
	want := exchange(j.c, j.transport, s.want, s.at)
	control := sync.OnceValue(func() facts { return exchange(j.c, j.transport, s.control, s.at) })
	all := make([]verdict, len(cases.Every))
	var wg sync.WaitGroup
	for i, mount := range cases.Every {
		if j.has(mount) {
			wg.Go(func() {
				got := exchange(j.c, j.transport, s.mounts[mount], s.at)
				all[i] = j.judge(lists, mount, want, got, control)
			})
		}
	}
	wg.Wait()
	all = slices.DeleteFunc(all, func(v verdict) bool { return v.kind == "" })
	if j.transport == cases.H1 && j.has(cases.Call) && isCallable(j.c) {
		all = append(all, j.judge(lists, cases.Call, uncalled(want), uncalled(s.call(j.c)), func() facts {
			return uncalled(control())
		}))
	}
	return all
}

func (j *job) judge(lists rows, mount string, want, got facts, control func() facts) verdict {
	v := verdict{theme: j.theme, name: j.c.Name, transport: j.transport, mount: mount}
	return judge(v, lists.find(j.theme+"/"+j.c.Name, j.transport, mount), want, got, control)
}

// A tally counts verdicts by transport, mount and kind.
type tally map[[2]string]map[string]int

func (t tally) add(v verdict) {
	key := [2]string{v.transport, v.mount}
	if t[key] == nil {
		t[key] = make(map[string]int)
	}
	t[key][v.kind]++
}

func (t tally) failures() int {
	n := 0
	for _, kinds := range t {
		n += kinds[failed]
	}
	return n
}

func (t tally) keys() [][2]string {
	var keys [][2]string
	for _, transport := range cases.All {
		for _, mount := range append(slices.Clone(cases.Every), cases.Call) {
			if t[[2]string{transport, mount}] != nil {
				keys = append(keys, [2]string{transport, mount})
			}
		}
	}
	return keys
}
