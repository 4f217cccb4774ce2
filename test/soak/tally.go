package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// mostTold is how many of the things that were wrong are told in full.
const mostTold = 20

// A tally is what came of all requests.
type tally struct {
	mu       sync.Mutex
	requests map[string]map[outcome]int // by kind
	counted  map[uint64]asked           // those that must not be repeated, by number
	doubled  int
	told     []string
	whole    map[string]time.Time // when the last one with a whole answer began, by mount
}

type asked struct {
	outcome outcome
	what    string
}

func newTally() *tally {
	return &tally{
		requests: make(map[string]map[outcome]int), counted: make(map[uint64]asked), whole: make(map[string]time.Time),
	}
}

func (t *tally) add(kind, mount, what string, r *request, began time.Time, o outcome, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count(kind, o)
	if r.method == "POST" {
		t.counted[r.id] = asked{o, what}
	}
	if o == whole && began.After(t.whole[mount]) {
		t.whole[mount] = began
	}
	if o == wrong || o == lost {
		t.tell("%s: %s: %v", o, what, err)
	}
}

func (t *tally) count(kind string, o outcome) {
	if t.requests[kind] == nil {
		t.requests[kind] = make(map[outcome]int)
	}
	t.requests[kind][o]++
}

func (t *tally) tell(format string, args ...any) {
	if len(t.told) < mostTold {
		t.told = append(t.told, fmt.Sprintf(format, args...))
	}
}

// servedSince tells whether a request that began since then was answered by each of the mounts.
func (t *tally) servedSince(since time.Time, mounts int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	served := 0
	for _, at := range t.whole {
		if at.After(since) {
			served++
		}
	}
	return served == mounts
}

func (t *tally) sum(o outcome) int {
	sum := 0
	for _, outcomes := range t.requests {
		sum += outcomes[o]
	}
	return sum
}

// audit holds the ledger against the answers, when nobody writes it any more.
func (t *tally) audit(file string) error {
	entered, err := readLedger(file)
	if err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, times := range entered {
		if _, ok := t.counted[id]; !ok {
			t.count("ledger", wrong)
			t.tell("wrong: the app was entered %d times by request %d, which nobody sent", times, id)
		}
	}
	for id, asked := range t.counted {
		t.judge(id, asked, entered[id])
	}
	return nil
}

func (t *tally) judge(id uint64, asked asked, times int) {
	switch {
	case times > 1:
		t.doubled++
		t.tell("doubled: the app was entered %d times by request %d, %s: %s", times, id, asked.what, asked.outcome)
	case asked.outcome == whole && times == 0:
		t.count("ledger", wrong)
		t.tell("wrong: the app answered request %d, %s, and was not entered", id, asked.what)
	case asked.outcome == shed && times == 1:
		t.count("ledger", wrong)
		t.tell("wrong: the app was entered by request %d, %s, which was answered with 503", id, asked.what)
	}
}

// readLedger counts a number's lines.
func readLedger(file string) (map[uint64]int, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("soak: the ledger: %w", err)
	}
	defer f.Close() //nolint:errcheck // it is only read
	entered := make(map[uint64]int)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		id, err := strconv.ParseUint(lines.Text(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("soak: the ledger: %w", err)
		}
		entered[id]++
	}
	return entered, lines.Err()
}

func (t *tally) print(out io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := 0
	for _, outcomes := range t.requests {
		for _, n := range outcomes {
			all += n
		}
	}
	fmt.Fprintf(out, "requests %d, of which %d must not be repeated\n", all, len(t.counted))
	for _, kind := range slices.Sorted(maps.Keys(t.requests)) {
		var parts []string
		for _, o := range []outcome{whole, failed, shed, late, broken, left, wrong, lost} {
			if n := t.requests[kind][o]; n > 0 {
				parts = append(parts, fmt.Sprintf("%s %d", o, n))
			}
		}
		fmt.Fprintf(out, "  %-8s%s\n", kind, strings.Join(parts, ", "))
	}
}
