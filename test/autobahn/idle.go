package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// memoryPath tells of the memory of the program that answers.
const memoryPath = "/memory"

// A memory is in bytes.
type memory struct {
	Used     float64 // the BEAM's memory(total); Go's heap and stacks in use
	Resident float64 // as the kernel counts
}

// serveMemory answers behind a collection.
func serveMemory(w http.ResponseWriter, _ *http.Request) {
	debug.FreeOSMemory() // which collects first
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	kept, err := resident("self")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_ = json.NewEncoder(w).Encode(memory{float64(stats.HeapInuse + stats.StackInuse), kept}) // the client misses it
}

// resident is VmRSS, of Linux alone.
func resident(process string) (float64, error) {
	status, err := os.ReadFile("/proc/" + process + "/status")
	if err != nil {
		return 0, fmt.Errorf("autobahn: %w", err)
	}
	_, line, _ := strings.Cut(string(status), "VmRSS:")
	var kilobytes float64
	if _, err := fmt.Sscan(line, &kilobytes); err != nil {
		return 0, fmt.Errorf("autobahn: VmRSS of %s: %w", process, err)
	}
	return kilobytes * 1024, nil
}

func (s *stand) goMemory(server string) (memory, error) {
	var m memory
	req, err := http.NewRequest(http.MethodGet, "http://"+s.addrs[server]+memoryPath, nil)
	if err != nil {
		return m, fmt.Errorf("autobahn: %w", err)
	}
	req.Close = true // or its connection is one of those that are counted
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return m, fmt.Errorf("autobahn: %w", err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&m); err != nil {
		return m, fmt.Errorf("autobahn: %s of %s: %w", memoryPath, server, err)
	}
	return m, nil
}

// beamMemory is behind a collection in every process, or without one.
func (s *stand) beamMemory(ctx context.Context, collect bool) (memory, error) {
	expression := `{os:getpid(), erlang:memory(total)}`
	if collect {
		expression = `[erlang:garbage_collect(P) || P <- processes()], ` + expression
	}
	answer, err := s.cowboy.Eval(ctx, expression)
	if err != nil {
		return memory{}, err
	}
	pid, used, _ := strings.Cut(strings.Trim(string(answer), "{}"), ",")
	var m memory
	if m.Used, err = strconv.ParseFloat(used, 64); err != nil {
		return m, fmt.Errorf("autobahn: the BEAM's memory is %s: %w", answer, err)
	}
	m.Resident, err = resident(strings.Trim(pid, `"`))
	return m, err
}

// memories are those of both sides: the BEAM's as it is, the BEAM's behind a collection, Go's.
type memories [3]memory

func (s *stand) memories(ctx context.Context, server string) (memories, error) {
	var all memories
	var err error
	if all[2], err = s.goMemory(server); err != nil || server == reference {
		return all, err
	}
	for i, collect := range []bool{false, true} {
		if all[i], err = s.beamMemory(ctx, collect); err != nil {
			return all, err
		}
	}
	return all, nil
}

// awaitNobody waits until Cowboy's connections have ended.
func (s *stand) awaitNobody(ctx context.Context) error {
	_, err := s.cowboy.Eval(ctx, `[receive {'DOWN', M, process, _, _} -> ok end || L <- [route_clear, stream_clear],
		P <- ranch:procs(L, connections), M <- [monitor(process, P)]]`)
	return err
}

// An idleCost is what one of many idle connections takes.
type idleCost struct {
	server, handler string
	each            memories
}

// idleLimit bounds a measurement.
const idleLimit = 10 * time.Minute

// measureIdle prints what a number of idle connections take.
func measureIdle(ctx context.Context, out io.Writer, connections int) error {
	ctx, cancel := context.WithTimeout(ctx, idleLimit)
	defer cancel()
	costs, err := idleCosts(ctx, connections)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d idle connections, bytes for each\n", connections)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "server\thandler\tBEAM\tBEAM, collected\tBEAM, resident\tGo\tGo, resident")
	for _, c := range costs {
		fmt.Fprintf(table, "%s\t%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\n", c.server, c.handler,
			c.each[0].Used, c.each[1].Used, c.each[1].Resident, c.each[2].Used, c.each[2].Resident)
	}
	return table.Flush()
}

func idleCosts(ctx context.Context, connections int) ([]idleCost, error) {
	var costs []idleCost
	for _, server := range serverNames {
		for _, handler := range []string{"/gorilla", "/coder"} {
			each, err := idleCostOf(ctx, server, handler, connections)
			if err != nil {
				return nil, err
			}
			costs = append(costs, idleCost{server, handler, each})
		}
	}
	return costs, nil
}

// idleCostOf has servers of its own: what those before have left does not count.
func idleCostOf(ctx context.Context, server, handler string, connections int) (each memories, err error) {
	s, err := newStand(ctx, connections)
	if err != nil {
		return each, err
	}
	defer s.stop()
	// Code is loaded, and tables have their sizes, when some have come and gone.
	if err := s.open(server, handler, min(connections, 50), nil); err != nil {
		return each, err
	}
	if err := s.awaitNobody(ctx); err != nil {
		return each, err
	}
	var before, after memories
	for range 2 { // what the first collects is in the second no more
		if before, err = s.memories(ctx, server); err != nil {
			return each, err
		}
	}
	err = s.open(server, handler, connections, func() error {
		after, err = s.memories(ctx, server)
		return err
	})
	for i := range each {
		each[i].Used = (after[i].Used - before[i].Used) / float64(connections)
		each[i].Resident = (after[i].Resident - before[i].Resident) / float64(connections)
	}
	return each, err
}

// open opens connections that exchange a message each, does something while they are idle, has each exchange another, and closes
// them.
func (s *stand) open(server, handler string, connections int, idle func() error) error {
	sessions := make([]*session, connections)
	defer func() {
		for _, one := range sessions {
			if one != nil {
				_ = one.Close() // closed already, or of no more use
			}
		}
	}()
	for i := range sessions {
		c, err := dial(s.addrs[server], handler, "", startLimit)
		if err != nil {
			return err
		}
		sessions[i] = &session{client: c}
	}
	if err := exchangeAll(sessions, handler); err != nil {
		return err
	}
	if idle != nil {
		if err := idle(); err != nil {
			return err
		}
		if err := exchangeAll(sessions, handler); err != nil {
			return err
		}
	}
	for _, one := range sessions {
		one.closeNow(normal)
		one.finish()
	}
	return nil
}

func exchangeAll(sessions []*session, handler string) error {
	for i, one := range sessions {
		if why := one.exchange([]frame{hello}, 0, 1); why != "" {
			return fmt.Errorf("autobahn: connection %d of %s: %s", i, handler, why)
		}
	}
	return nil
}
