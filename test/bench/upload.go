package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const uploadSize = 100 * mb

// driveUpload sends two bodies at once, and two again. Each has a connection of its own: Cowboy 2.8 may never see the
// next request on one that is behind a body of more than initial_stream_flow_size bytes.
func driveUpload(ctx context.Context, j job, run *Run) error {
	want := uploadSum()
	var (
		mu    sync.Mutex
		times []time.Duration
		errs  []error
		wg    sync.WaitGroup
	)
	start := time.Now()
	for range 2 {
		wg.Go(func() {
			client := j.load.over.client()
			client.Timeout = crowdLimit
			for range 2 {
				began := time.Now()
				err := upload(ctx, client, j.url(), uploadSize, want)
				mu.Lock()
				if err != nil {
					errs = append(errs, err)
				} else {
					times = append(times, time.Since(began))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	run.Seconds = time.Since(start).Seconds()
	fillCrowd(run, times, errs)
	return nil
}

func upload(ctx context.Context, client *http.Client, url string, n int64, want string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, uploadBody(n))
	if err != nil {
		return err
	}
	req.ContentLength = n
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || string(got) != want) {
		err = fmt.Errorf("status %d, %.80q", res.StatusCode, got)
	}
	return err
}

func uploadBody(n int64) io.Reader { return io.LimitReader(&pattern{}, n) }

// pattern is an endless body of one line. The client shares the processors with what it measures, so it copies
// large pieces of what was made once.
type pattern struct{ at int }

const patternLine = "0123456789abcde\n"

var patternBlock = strings.Repeat(patternLine, 4096)

func (p *pattern) Read(b []byte) (int, error) {
	n := copy(b, patternBlock[p.at:])
	p.at = (p.at + n) % len(patternLine)
	return n, nil
}

// uploadSum is computed once for all.
var uploadSum = sync.OnceValue(func() string { return sumOf(uploadSize) })

// sumOf is what a server answers to a body of that length.
func sumOf(n int64) string {
	h := sha256.New()
	_, _ = io.Copy(h, uploadBody(n)) // neither can fail
	return fmt.Sprintf("%x\n", h.Sum(nil))
}
