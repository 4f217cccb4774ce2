package apps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func fetch(url string) (*http.Response, string, error) {
	res, err := http.Get(url)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return res, string(body), err
}

func lastOf(t *testing.T, f *faults, tag string) (got run) {
	t.Helper()
	w := ask(f, "GET", "/faults/last?tag="+tag)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	return got
}

func TestFaults_last_before_anything_has_run(t *testing.T) {
	w := ask(newFaults(), "GET", "/faults/last")
	require.Equal(t, `{"handler":"","written":0,"read":0,"ended":false,"cause":"","error":""}`+"\n", w.Body.String())
}

func TestFaults_last_remembers_so_many_runs(t *testing.T) {
	f := newFaults()
	for i := range maxRuns {
		ask(f, "GET", fmt.Sprintf("/faults/write?bytes=1&tag=%d", i))
	}
	require.Equal(t, "write", lastOf(t, f, "0").Handler)
	ask(f, "GET", "/faults/write?bytes=1")
	require.Empty(t, lastOf(t, f, "0").Handler)
	require.Equal(t, "write", lastOf(t, f, "1").Handler)
}

func TestFaults_last_tells_the_tagged_from_the_last_that_ended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaults()
		go ask(f, "GET", "/faults/sleep?s=2&tag=long")
		go ask(f, "GET", "/faults/sleep?s=1&tag=short")
		synctest.Wait()
		require.Equal(t, run{Handler: "sleep", Tag: "long"}, lastOf(t, f, "long"))
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, "short", lastOf(t, f, "").Tag)
		require.False(t, lastOf(t, f, "long").Ended)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, run{Handler: "sleep", Tag: "long", Ended: true}, lastOf(t, f, ""))
	})
}

// start asks in a goroutine of the bubble, with a context that the test ends.
func start(f *faults, method, path string, body io.Reader) (w *httptest.ResponseRecorder, leave context.CancelCauseFunc) {
	ctx, leave := context.WithCancelCause(context.Background())
	w = httptest.NewRecorder()
	go f.ServeHTTP(w, httptest.NewRequest(method, path, body).WithContext(ctx))
	return w, leave
}

func TestFaults_that_wait_end_with_the_context_and_keep_its_cause(t *testing.T) {
	for path, want := range map[string]run{
		"/faults/sleep?s=60":                             {Handler: "sleep"},
		"/faults/never-read?s=60":                        {Handler: "never-read"},
		"/faults/events?ms=60000":                        {Handler: "events", Written: 9},
		"/faults/write?bytes=99&chunk=10&delay_ms=60000": {Handler: "write", Written: 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFaults()
			_, leave := start(f, "GET", path, nil)
			synctest.Wait()
			require.False(t, lastOf(t, f, "").Ended)
			leave(errors.New("client gone"))
			synctest.Wait()
			want.Ended, want.Cause, want.Error = true, "client gone", "context canceled"
			require.Equal(t, want, lastOf(t, f, ""))
		})
	}
}

func TestFaults_sleep_can_ignore_the_context(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaults()
		w, leave := start(f, "GET", "/faults/sleep?s=1&ignore=1", nil)
		leave(errors.New("client gone"))
		synctest.Wait()
		require.False(t, lastOf(t, f, "").Ended)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, run{Handler: "sleep", Ended: true, Cause: "client gone"}, lastOf(t, f, ""))
		require.Equal(t, "slept\n", w.Body.String())
	})
}

func TestFaults_spin_takes_its_time(t *testing.T) {
	f := newFaults()
	start := time.Now()
	w := ask(f, "GET", "/faults/spin?s=0.01")
	require.GreaterOrEqual(t, time.Since(start), 10*time.Millisecond)
	require.Regexp(t, `^[1-9]\d* rounds\n$`, w.Body.String())
	require.Equal(t, run{Handler: "spin", Ended: true}, lastOf(t, f, ""))
}

// sizes keeps how large each Write was, and fails the one after the last it may take.
type sizes struct {
	http.ResponseWriter
	sizes []int
	take  int
}

func (s *sizes) Write(b []byte) (int, error) {
	if len(s.sizes) == s.take {
		return 0, errors.New("stream aborted")
	}
	s.sizes = append(s.sizes, len(b))
	return len(b), nil
}
func (s *sizes) Flush() {}

func TestFaults_write_writes_chunks_and_records_an_end(t *testing.T) {
	f := newFaults()
	w := &sizes{ResponseWriter: httptest.NewRecorder(), take: 99}
	f.ServeHTTP(w, httptest.NewRequest("GET", "/faults/write?bytes=2500&chunk=1000&length=1", nil))
	require.Equal(t, []int{1000, 1000, 500}, w.sizes)
	require.Equal(t, "2500", w.Header().Get("Content-Length"))
	require.Equal(t, run{Handler: "write", Written: 2500, Ended: true}, lastOf(t, f, ""))

	w = &sizes{ResponseWriter: httptest.NewRecorder(), take: 2}
	f.ServeHTTP(w, httptest.NewRequest("GET", "/faults/write?bytes=3000&chunk=1000", nil))
	require.Empty(t, w.Header().Get("Content-Length"))
	require.Equal(t, run{Handler: "write", Written: 2000, Ended: true, Error: "stream aborted"}, lastOf(t, f, ""))
}

func TestFaults_read_reads_slowly_and_records_an_end(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFaults()
		w, _ := start(f, "POST", "/faults/read?chunk=2&delay_ms=500&tag=slow", strings.NewReader("12345"))
		synctest.Wait()
		require.Equal(t, run{Handler: "read", Tag: "slow", Read: 2}, lastOf(t, f, "slow"))
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, run{Handler: "read", Tag: "slow", Read: 5, Ended: true}, lastOf(t, f, ""))
		require.Equal(t, `{"bytes":5}`+"\n", w.Body.String())
	})
	f := newFaults()
	w := httptest.NewRecorder()
	body := io.MultiReader(strings.NewReader("123"), iotest.ErrReader(errors.New("stream aborted")))
	f.ServeHTTP(w, httptest.NewRequest("POST", "/faults/read", body))
	require.Equal(t, 400, w.Code)
	require.Equal(t, run{Handler: "read", Read: 3, Ended: true, Error: "stream aborted"}, lastOf(t, f, ""))
}

func TestFaults_never_read_does_not_read(t *testing.T) {
	body := iotest.ErrReader(errors.New("somebody reads"))
	w := httptest.NewRecorder()
	newFaults().ServeHTTP(w, httptest.NewRequest("POST", "/faults/never-read", io.NopCloser(body)))
	require.Equal(t, "did not read\n", w.Body.String())
}

// The same under a server, where it is net/http that notices that the client has left.
func TestFaults_write_ends_when_the_client_leaves(t *testing.T) {
	f := newFaults()
	srv := httptest.NewServer(f)
	defer srv.Close()
	res, err := http.Get(srv.URL + "/faults/write?bytes=1e12")
	require.NoError(t, err)
	readN(t, res.Body, 100)
	require.NoError(t, res.Body.Close())
	require.Eventually(t, func() bool { return f.runs.last("").Ended }, 10*time.Second, time.Millisecond)
	require.NotEmpty(t, lastOf(t, f, "").Error)
}
