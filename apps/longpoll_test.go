package apps

import (
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLongpoll_answers_when_it_rings_or_when_the_time_is_over(t *testing.T) {
	for name, polled := range map[string]string{"woken": "", "polled": "&polled"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				app, start := newLongpoll(), time.Now()
				require.Equal(t, "0\n", ask(app, "GET", "/longpoll").Body.String())
				answer := make(chan *httptest.ResponseRecorder)
				go func() { answer <- ask(app, "GET", "/longpoll/next?s=7"+polled) }()
				time.Sleep(6 * time.Second) // the bubble's time, which costs none
				synctest.Wait()
				require.Equal(t, "1\n", ask(app, "POST", "/longpoll").Body.String())
				w := <-answer
				require.Equal(t, 200, w.Code)
				require.Equal(t, "1\n", w.Body.String())
				if polled == "" {
					require.Equal(t, 6*time.Second, time.Since(start), "it was woken")
				}

				start = time.Now()
				require.Equal(t, "1\n", ask(app, "GET", "/longpoll/next?after=0"+polled).Body.String())
				require.Zero(t, time.Since(start), "it had rung")
				w = ask(app, "GET", "/longpoll/next?after=1"+polled)
				require.Equal(t, 204, w.Code)
				require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
				require.InDelta(t, usualWait, time.Since(start).Seconds(), 1)
				if polled == "" {
					require.Equal(t, usualWait*time.Second, time.Since(start))
				}
			})
		})
	}
}

func TestLongpoll_refuses_what_it_does_not_have(t *testing.T) {
	app := newLongpoll()
	for _, s := range []string{"-1", "3601", "x"} {
		require.Equal(t, 400, ask(app, "GET", "/longpoll/next?s="+s).Code)
	}
	require.Equal(t, 204, ask(app, "GET", "/longpoll/next?s=0").Code)
	require.Equal(t, 404, ask(app, "POST", "/longpoll/next").Code)
	require.Equal(t, "GET, HEAD, POST", ask(app, "DELETE", "/longpoll").Header().Get("Allow"))
	require.Contains(t, ask(app, "GET", "/longpoll", "Accept", "text/html").Body.String(), `fetch("/longpoll" + "/next?after="`)
}
