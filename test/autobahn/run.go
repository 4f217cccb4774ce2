package main

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
)

// A row is a case played against one handler by each server, in the order of serverNames.
type row struct {
	testCase *testCase
	handler  string
	results  []result
	whys     []string
}

// same says whether each server has the verdict that net/http has.
func (r row) same() bool {
	return !slices.ContainsFunc(r.results, func(one result) bool { return one != r.results[0] })
}

// run plays every case against every handler by every server. A handler's cases come one behind the other, handlers and servers
// side by side, but for what needs much of a processor.
func run(addrs map[string]string, handlers []string, cases []testCase, done func(row)) []row {
	var all sync.WaitGroup
	var lock sync.Mutex
	var rows []row
	slots := make(chan bool, runtime.GOMAXPROCS(0))
	for _, handler := range handlers {
		all.Go(func() {
			for i := range cases {
				r := playRow(addrs, handler, &cases[i], slots)
				lock.Lock()
				rows = append(rows, r)
				done(r)
				lock.Unlock()
			}
		})
	}
	all.Wait()
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Compare(slices.Index(handlers, a.handler), slices.Index(handlers, b.handler))
	})
	return rows
}

func playRow(addrs map[string]string, handler string, t *testCase, slots chan bool) row {
	r := row{t, handler, make([]result, len(serverNames)), make([]string, len(serverNames))}
	var all sync.WaitGroup
	for i, server := range serverNames {
		all.Go(func() {
			if t.heavy {
				slots <- true
				defer func() { <-slots }()
			}
			r.results[i], r.whys[i] = play(addrs[server], handler, t, caseLimit)
		})
	}
	all.Wait()
	return r
}
