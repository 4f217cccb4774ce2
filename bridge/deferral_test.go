package bridge

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A notification that comes before its time, as that of a timer which was set anew, has nobody asked.
func TestADeferredIsNotAskedBeforeItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		d := new(appCall).deferTo(func() Result { asked++; return nil }, func() {})
		defer d.end()
		wants := func(n int, when string) {
			t.Helper()
			_, isThere := d.next()
			require.False(t, isThere)
			require.Equal(t, n, asked, when)
		}
		wants(1, "at first")
		wants(1, "at once again")
		time.Sleep(firstPause - time.Nanosecond) // the bubble's time, which costs none
		wants(1, "early")
		time.Sleep(time.Nanosecond)
		wants(2, "in time")
		time.Sleep(2*firstPause - time.Nanosecond)
		wants(2, "early again")
		time.Sleep(time.Nanosecond)
		wants(3, "in time again")
		d.call.Wake()
		wants(4, "woken")
		wants(4, "woken once")
	})
}
