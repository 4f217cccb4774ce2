package versions

import (
	"fmt"
	"io"
	"net/http"
	"syscall"

	"github.com/stretchr/testify/require"
)

// pid is that of the program that serves, once there is one that is not the one before.
func (s *site) pid(not int) int {
	s.t.Helper()
	pid := 0
	s.until(func() bool {
		text, err := s.Eval(s.t.Context(), `{ok, Ports} = gwport:info(app), hd([P || #{os_pid := P, state := serving} <- Ports] ++ [0])`)
		require.NoError(s.t, err)
		_, err = fmt.Sscan(string(text), &pid)
		require.NoError(s.t, err)
		return pid != 0 && pid != not
	}, pause)
	return pid
}

// killed: the request that was under way is broken off, and the next one is served by another program.
func killed(s *site) {
	before := s.pid(0)
	response, _ := s.open("/wait")
	s.reads(response.Body, "waiting, ")
	require.NoError(s.t, syscall.Kill(before, syscall.SIGKILL))
	_, err := io.ReadAll(response.Body)
	require.Error(s.t, err)
	s.pid(before)
	s.gets("/unread", "not read")
}

// terminated: the request that is under way is finished, while another program serves already.
func terminated(s *site) {
	before := s.pid(0)
	t := s.talk()
	t.exchange("before\n")
	require.NoError(s.t, syscall.Kill(before, syscall.SIGTERM))
	s.pid(before)
	s.gets("/unread", "not read")
	t.exchange("after\n")
	t.end()
	s.until(func() bool { return syscall.Kill(before, 0) == syscall.ESRCH }, pause)
}

// drained: a stop waits for the request that is under way, and serves no other.
func drained(s *site) {
	before := s.pid(0)
	t := s.talk()
	t.exchange("before\n")
	stopped := make(chan error, 1)
	go func() {
		_, err := s.Eval(s.t.Context(), `ok = supervisor:terminate_child(gwport_sup, {gwport, app})`)
		stopped <- err
	}()
	s.until(func() bool { return s.get("/unread").status == http.StatusServiceUnavailable }, pause)
	t.exchange("after\n")
	t.end()
	require.NoError(s.t, <-stopped)
	s.until(func() bool { return syscall.Kill(before, 0) == syscall.ESRCH }, pause)
}
