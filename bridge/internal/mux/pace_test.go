package mux

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge/internal/wire"
)

// unserved is a conn whose writer is the test, and a stream of it.
func unserved() (*Conn, *testTask) {
	c := New(testConfig(), testApp{}, nil, nil)
	c.out.holdTimer = time.NewTimer(time.Hour) // releaseHeld is the test's to call
	c.out.held.push(&Stream{})
	return c, c.opened(256)
}

func (c *Conn) opened(id uint32) *testTask {
	task := &testTask{}
	c.newStream(id, &Opening{Task: task, Window: wire.MaxCredit})
	return task
}

func (t *testTask) queue(text string) error {
	f := NewFrame(wire.KindChunk, len(text))
	f.B = append(f.B, text...)
	return t.Out.QueueChunk(f)
}

// flushed is what of frames the writer takes next.
func (c *Conn) flushed() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b batch
	c.out.takeTurns(&b)
	var all []string
	for _, f := range b.frames {
		all = append(all, string(f.B[wire.ChunkRoom:]))
	}
	return all
}

// hurry has the task flush faster than the writer writes, whatever it has done before.
func (t *testTask) hurry(test *testing.T) {
	t.c.releaseHeld()
	for range hastyPieces + 1 {
		require.NoError(test, t.queue("x"))
	}
	require.Equal(test, []string{strings.Repeat("x", hastyPieces+1)}, t.c.flushed())
}

func TestWhoDoesNotWaitBetweenFlushesIsGathered(t *testing.T) {
	c, task := unserved()
	for range hastyPieces {
		require.NoError(t, task.queue("x"))
	}
	require.Equal(t, []string{strings.Repeat("x", hastyPieces)}, c.flushed())
	require.NoError(t, task.queue("a"))
	require.Equal(t, []string{"a"}, c.flushed(), "so many are no haste")

	task.hurry(t)
	for _, text := range []string{"b", strings.Repeat("c", 300), "d"} { // more than the first has room for
		require.NoError(t, task.queue(text))
		require.Empty(t, c.flushed())
	}
	c.releaseHeld()
	require.Equal(t, []string{"b" + strings.Repeat("c", 300) + "d"}, c.flushed())
	require.NoError(t, task.queue("e"))
	require.Equal(t, []string{"e"}, c.flushed(), "who has slowed down is on time")
}

func TestWhatIsEnoughForAFrameIsNotGathered(t *testing.T) {
	c, task := unserved()
	task.hurry(t)
	text := strings.Repeat("x", gatheredSize/4)
	for range 3 {
		require.NoError(t, task.queue(text))
		require.Empty(t, c.flushed())
	}
	require.NoError(t, task.queue(text))
	require.Equal(t, []string{strings.Repeat(text, 4)}, c.flushed())

	task.hurry(t)
	require.NoError(t, task.queue("x"))
	require.NoError(t, task.end())
	require.Len(t, c.flushed(), 2, "nor is an end")
}

// holdUp queues so much that whoever queues more waits, and returns what that is told then.
func (t *testTask) holdUp(test *testing.T) (done chan error) {
	t.hurry(test)
	for range gatheredPieces {
		require.NoError(test, t.queue("x"))
	}
	done = make(chan error, 1)
	go func() { done <- t.queue("y") }()
	require.Eventually(test, func() bool {
		t.c.mu.Lock()
		defer t.c.mu.Unlock()
		return t.Out.waiting.first.Payload() == gatheredPieces+1
	}, soon, time.Millisecond)
	require.Empty(test, done, "it has not waited")
	return done
}

func TestWhoIsGatheredWaitsBehindManyPieces(t *testing.T) {
	c, task := unserved()
	done := task.holdUp(t)
	c.releaseHeld()
	require.NoError(t, <-done)
	require.Equal(t, []string{strings.Repeat("x", gatheredPieces) + "y"}, c.flushed())

	done = task.holdUp(t)
	task.Out.SetDeadline(time.Now().Add(-time.Second))
	require.ErrorIs(t, <-done, os.ErrDeadlineExceeded)

	task.Out.SetDeadline(time.Time{})
	c.releaseHeld()
	require.NotEmpty(t, c.flushed())
	done = task.holdUp(t)
	task.abort(&Abort{Code: wire.CodeCancelled}, os.ErrClosed)
	require.ErrorIs(t, <-done, os.ErrClosed)
}

func TestASmallAnswerGoesBeforeLargeOnes(t *testing.T) {
	c, _ := unserved()
	large := strings.Repeat("x", wire.MaxChunk)
	var tasks []*testTask
	for i := range uint32(20) {
		task := c.opened(258 + 2*i)
		require.NoError(t, task.queue(large))
		require.NoError(t, task.queue(large))
		tasks = append(tasks, task)
	}
	require.Equal(t, []string{large, large}, c.flushed())
	small := c.opened(1000)
	require.NoError(t, small.queue("small"))
	require.Equal(t, []string{"small", large, large}, c.flushed())

	// What has become large since it was queued is not small any more.
	require.NoError(t, small.queue("small"))
	require.NoError(t, small.queue(large))
	require.Equal(t, []string{large, large}, c.flushed())
	for range tasks {
		c.flushed()
	}
	require.Empty(t, c.flushed())
}

// A chunk of a large answer is in each write, however many small ones there are.
func TestLargeAnswersGoOnBesideSmallOnes(t *testing.T) {
	c, task := unserved()
	large := strings.Repeat("x", wire.MaxChunk)
	require.NoError(t, task.queue(large))
	text := strings.Repeat("y", 1000)
	for i := range uint32(batchSize / len(text)) {
		require.NoError(t, c.opened(258+2*i).queue(text))
	}
	taken := c.flushed()
	require.Equal(t, large, taken[len(taken)-1])
	require.NotEmpty(t, c.flushed())
}
