package apps

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
)

// maxRuns is how many runs are remembered; the oldest is forgotten first.
const maxRuns = 256

// run is the record of one handler that takes its time: what it has done, and, once it has ended, why.
type run struct {
	Handler string `json:"handler"`
	Tag     string `json:"tag,omitempty"`
	Written int64  `json:"written"`
	Read    int64  `json:"read"`
	Ended   bool   `json:"ended"`
	Cause   string `json:"cause"` // context.Cause at the end; empty if the context was still good
	Error   string `json:"error"` // what Read or Write said, io.EOF apart
	order   int    // in which it ended, from 1
}

// runs holds what /faults/last answers. Its zero value is ready.
type runs struct {
	mu    sync.Mutex
	runs  []*run
	ended int
}

func (rs *runs) start(r *http.Request, handler string) *run {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if len(rs.runs) == maxRuns {
		rs.runs = rs.runs[1:]
	}
	started := &run{Handler: handler, Tag: r.URL.Query().Get("tag")}
	rs.runs = append(rs.runs, started)
	return started
}

func (rs *runs) count(r *run, written, read int) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r.Written += int64(written)
	r.Read += int64(read)
}

func (rs *runs) end(ctx context.Context, r *run, err error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.ended++
	r.Ended, r.order = true, rs.ended
	if cause := context.Cause(ctx); cause != nil {
		r.Cause = cause.Error()
	}
	if err != nil {
		r.Error = err.Error()
	}
}

// last is the run that ended last, or the one that last started with the tag, ended or not.
func (rs *runs) last(tag string) run {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var found run
	for _, r := range rs.runs {
		if tag == "" && r.order > found.order || tag != "" && r.Tag == tag {
			found = *r
		}
	}
	return found
}

func (f *faults) last(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(f.runs.last(r.URL.Query().Get("tag")))
}
