package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var here = tree{root: "../.."}

func soaked(t *testing.T, tree tree, o options) *result {
	t.Helper()
	var out bytes.Buffer
	found, err := soak(&out, tree, &o)
	t.Log("\n" + out.String())
	require.NoError(t, err)
	return found
}

// Half a minute of what `make soak` does for ten.
func TestNothingIsWrongLostOrDoubled(t *testing.T) {
	found := soaked(t, here, options{duration: 26 * time.Second, every: 2 * time.Second, deadline: 15 * time.Second, ports: 2})
	require.NoError(t, found.verdict())
	for i := range faultKinds {
		require.NotZero(t, found.faults[faultKinds[i].name], faultKinds[i].name)
	}
}

// The soak sees what it is there to see.
func TestPlantedBugsAreSeen(t *testing.T) {
	for _, bug := range []struct {
		planted
		seen func(*result) int
	}{
		{replayed, func(r *result) int { return r.doubled }},
		{replyDropped, func(r *result) int { return r.lost }},
	} {
		t.Run(bug.name, func(t *testing.T) {
			bad, err := bug.plant(t.Context(), here, t.TempDir())
			require.NoError(t, err)
			found := soaked(t, bad, options{duration: 5 * time.Second, every: 2 * time.Second, deadline: time.Second, ports: 2})
			require.Positive(t, bug.seen(found))
			require.Error(t, found.verdict())
		})
	}
}

// A row of the ledger for each time that the app was entered.
func TestTheLedgerIsHeldAgainstTheAnswers(t *testing.T) {
	for _, row := range []struct {
		outcome        outcome
		entered        int
		wrong, doubled int
	}{
		{whole, 1, 0, 0},
		{whole, 0, 1, 0},
		{whole, 2, 0, 1},
		{failed, 0, 0, 0},
		{failed, 1, 0, 0},
		{failed, 2, 0, 1},
		{late, 1, 0, 0},
		{late, 2, 0, 1},
		{shed, 0, 0, 0},
		{shed, 1, 1, 0},
		{shed, 2, 0, 1},
		{broken, 1, 0, 0},
		{broken, 2, 0, 1},
		{left, 0, 0, 0},
		{left, 2, 0, 1},
	} {
		file := filepath.Join(t.TempDir(), "ledger")
		require.NoError(t, os.WriteFile(file, []byte(strings.Repeat("7\n", row.entered)), 0o600))
		tally := newTally()
		tally.add("count", "route", "a request", &request{id: 7, method: "POST"}, time.Now(), row.outcome, nil)
		require.NoError(t, tally.audit(file))
		require.Equal(t, row.wrong, tally.sum(wrong), row)
		require.Equal(t, row.doubled, tally.doubled, row)
	}
	file := filepath.Join(t.TempDir(), "ledger")
	require.NoError(t, os.WriteFile(file, []byte("8\n"), 0o600))
	tally := newTally()
	require.NoError(t, tally.audit(file))
	require.Equal(t, 1, tally.sum(wrong), "a request that nobody sent")
}

// An answer in front of the end of a body costs the connection only where nobody can say so.
func TestAConnectionIsKeptBehindAnAnswer(t *testing.T) {
	for _, row := range []struct {
		request request
		outcome outcome
		keeps   bool
	}{
		{request{method: "GET", body: -1}, whole, true},
		{request{method: "GET", body: -1}, failed, true},
		{request{method: "GET", body: -1}, broken, false},
		{request{method: "POST", body: takenBehind + 1}, failed, true},
		{request{method: "POST", body: takenBehind, chunked: true}, failed, true},
		{request{method: "POST", body: takenBehind + 1, chunked: true}, failed, false},
		{request{method: "POST", body: takenBehind + 1, chunked: true}, shed, false},
		{request{method: "POST", body: takenBehind + 1, chunked: true}, late, false},
		{request{method: "POST", body: takenBehind + 1, chunked: true}, whole, true},
		{request{method: "POST", body: takenBehind + 1, chunked: true}, left, false},
	} {
		require.Equal(t, row.keeps, row.request.keeps(row.outcome), row)
	}
}
