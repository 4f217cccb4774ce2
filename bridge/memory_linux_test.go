package bridge_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gwport/gwport/bridge"
	"github.com/gwport/gwport/bridge/bridgetest"
	"github.com/gwport/gwport/etf"
)

const leastGenerated = 256 << 10

// noise is bytes of which no two parts are alike.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

// generates writes a body in pieces, with its length declared.
func generates(body []byte, piece int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		for p := body; len(p) > 0; {
			n := min(piece, len(p))
			if _, err := w.Write(p[:n]); err != nil {
				return
			}
			p = p[n:]
		}
	}
}

// openedPart is the file that a frame names, as a host opens it, and which part of it.
func openedPart(t *testing.T, f bridgetest.Frame) (file *os.File, offset, length int64) {
	t.Helper()
	require.Equal(t, bridgetest.File, f.Kind)
	piece, ok := f.Term().(etf.Tuple)
	require.True(t, ok)
	file, err := os.Open(fmt.Sprintf("/proc/self/fd/%v", piece[0]))
	require.NoError(t, err)
	return file, piece[3].(int64), piece[4].(int64)
}

// opened is a file of which all is sent.
func opened(t *testing.T, f bridgetest.Frame) (file *os.File, length int64) {
	t.Helper()
	file, offset, length := openedPart(t, f)
	require.Zero(t, offset)
	return file, length
}

// collect takes what comes of a body, in files and in chunks; of each file as much as
// take says.
func collect(t *testing.T, h *bridgetest.Host, s *bridgetest.Stream, take func(file int, length int64) int64) (body []byte, files int) {
	t.Helper()
	s.Expect(bridgetest.Head)
	for {
		switch f := s.Next(); f.Kind {
		case bridgetest.Fin:
			return body, files
		case bridgetest.Chunk:
			body = append(body, f.Payload...)
		default:
			file, offset, length := openedPart(t, f)
			taken := take(files, length)
			files++
			part, err := io.ReadAll(io.NewSectionReader(file, offset, taken))
			require.NoError(t, err)
			require.NoError(t, file.Close())
			body = append(body, part...)
			h.SendTerm(bridgetest.Taken, s.ID, taken)
		}
	}
}

func whole(_ int, length int64) int64 { return length }

func TestALargeBodyGoesByFilesInMemory(t *testing.T) {
	for _, piece := range []int{1000, 16 << 10, 32 << 10, 100_001, 5 << 20} {
		want := noise(5_000_001)
		h := fileHost(t, generates(want, piece), "file")
		got, files := collect(t, h, h.Open(bridgetest.Request{Files: true, Window: 16 << 20}), whole)
		require.True(t, bytes.Equal(want, got), "pieces of %d", piece)
		require.Positive(t, files)
	}
}

func TestABodyWithoutALengthGoesByTheWire(t *testing.T) {
	body := noise(1_000_000)
	h := fileHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(body)
	}, "file")
	got, files := collect(t, h, h.Open(bridgetest.Request{Files: true, Window: 1 << 20}), whole)
	require.True(t, bytes.Equal(body, got))
	require.Zero(t, files)
}

func TestWhatTheHostDoesNotTakeOfMemoryComesAsBytes(t *testing.T) {
	want := noise(3_000_000)
	for at := range 3 {
		for _, taken := range []int64{0, 1, 7_777} {
			h := fileHost(t, generates(want, 32<<10), "file")
			s := h.Open(bridgetest.Request{Files: true, Window: 4 << 20})
			refused := 0
			got, files := collect(t, h, s, func(file int, length int64) int64 {
				if file < at {
					return length
				}
				refused++
				return min(taken, length-1)
			})
			require.True(t, bytes.Equal(want, got))
			require.LessOrEqual(t, refused, 1, "no file is named behind one that was refused")
			require.LessOrEqual(t, files, at+1)
		}
	}
}

// server is one end of a connection whose client reads nothing yet. It has room for a body.
func server(t *testing.T) (server *net.TCPConn, client net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	client, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	conn, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	server = conn.(*net.TCPConn)
	require.NoError(t, server.SetWriteBuffer(4<<20))
	return server, client
}

// The pages of a file may stand in a client's socket when the host has said that it is through. A file is
// used again all the same, and what the client gets does not change by that.
func TestWhatStandsInASocketIsNotChanged(t *testing.T) {
	for _, size := range []int{200_000, leastGenerated} { // shared, own
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			defer bridge.HoldShared(time.Minute)()
			nothingInUse(t)
			const bodies = 100
			want := noise(bodies * 1000)
			body := func(n int) []byte { return bytes.Repeat(want[n*1000:(n+1)*1000], size/1000+1)[:size] }
			h := fileHost(t, func(w http.ResponseWriter, r *http.Request) {
				n, err := strconv.Atoi(r.URL.Path[1:])
				if err != nil {
					panic(err)
				}
				generates(body(n), size)(w, r)
			}, "file")
			files := map[any]bool{}
			var clients []net.Conn
			for n := range bodies {
				socket, client := server(t)
				clients = append(clients, client)
				s := h.Open(bridgetest.Request{Files: true, Path: "/" + strconv.Itoa(n), Window: 1 << 20})
				s.Expect(bridgetest.Head)
				f := s.Next()
				for ; f.Kind == bridgetest.File; f = s.Next() {
					files[f.Term().(etf.Tuple)[2]] = true
					file, offset, length := openedPart(t, f)
					_, err := file.Seek(offset, io.SeekStart)
					require.NoError(t, err)
					sent, err := socket.ReadFrom(io.LimitReader(file, length)) // sendfile(2)
					require.NoError(t, err)
					require.Equal(t, length, sent)
					require.NoError(t, file.Close())
					h.SendTerm(bridgetest.Taken, s.ID, length)
				}
				require.Equal(t, bridgetest.Fin, f.Kind)
			}
			require.LessOrEqual(t, len(files), 3, "files are used again")
			nothingInUse(t)
			for n, client := range clients {
				got := make([]byte, size)
				_, err := io.ReadFull(client, got)
				require.NoError(t, err)
				require.True(t, bytes.Equal(body(n), got), "body %d", n)
			}
		})
	}
}

// The host may be in the middle of a file when its response breaks off: nothing else is written there.
func TestAFileThatTheHostMayReadIsNotUsedAgain(t *testing.T) {
	for _, size := range []int{leastShared, leastGenerated} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			defer bridge.HoldShared(time.Minute)()
			nothingInUse(t)
			h := fileHost(t, generates(noise(size), size), "file")
			named := func(s *bridgetest.Stream) (inode, length any) {
				s.Expect(bridgetest.Head)
				piece := s.Expect(bridgetest.File).Term().(etf.Tuple)
				return piece[2], piece[4]
			}
			s := h.Open(bridgetest.Request{Files: true})
			broken, _ := named(s)
			s.Abort(bridge.CodeCancelled, "")
			nothingInUse(t) // and no one shares it any more
			for range 3 {
				s := h.Open(bridgetest.Request{Files: true})
				next, length := named(s)
				require.NotEqual(t, broken, next)
				h.SendTerm(bridgetest.Taken, s.ID, length)
				s.Expect(bridgetest.Fin)
			}
		})
	}
}

func TestFilesInMemoryGoWhenNobodyNeedsThem(t *testing.T) {
	nothingInUse(t)
	h := fileHost(t, generates(noise(leastGenerated), leastGenerated), "file")
	for range 2 { // the second body goes by the file of the first
		_, files := collect(t, h, h.Open(bridgetest.Request{Files: true, Window: 1 << 20}), whole)
		require.Positive(t, files)
	}
	require.Equal(t, 1, memoryFiles(t))
	require.Eventually(t, func() bool { return memoryFiles(t) == 0 }, 10*time.Second, 10*time.Millisecond)
}

// memoryFiles is how many such files this process has.
func memoryFiles(t *testing.T) int {
	t.Helper()
	names, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	n := 0
	for _, name := range names {
		if target, err := os.Readlink(name); err == nil && strings.HasPrefix(target, "/memfd:gwport") {
			n++
		}
	}
	return n
}

func TestASlowClientHoldsTwoPiecesOfMemory(t *testing.T) {
	const smallPiece, largePiece = 1 << 20, 4 << 20
	nothingInUse(t)
	body := noise(16 << 20)
	written := make(chan int, 1000)
	h := fileHost(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		for at := 0; at < len(body); at += 64 << 10 {
			n, err := w.Write(body[at : at+64<<10])
			if err != nil {
				return
			}
			written <- n
		}
	}, "file")
	s := h.Open(bridgetest.Request{Files: true})
	s.Expect(bridgetest.Head)
	// The second piece is a small one: as long as nothing is taken, the client may be about to leave.
	holds := func(bytes int64) (sent int64) {
		file, sent := opened(t, s.Next())
		require.NoError(t, file.Close())
		for bytes += sent; bytes > 0; {
			bytes -= int64(<-written)
		}
		h.Ping(1)
		require.Empty(t, written, "the handler waits")
		require.Equal(t, 2, memoryFiles(t))
		return sent
	}
	first := holds(smallPiece)
	h.SendTerm(bridgetest.Taken, s.ID, first)
	require.EqualValues(t, smallPiece, holds(largePiece-smallPiece), "and is written already")
	s.Abort(bridge.CodeCancelled, "")
	require.Eventually(t, func() bool { return memoryFiles(t) == 0 }, 10*time.Second, time.Millisecond)
}

// However a response ends, its files are closed and its place is free for another.
func TestNoFileInMemoryIsLeft(t *testing.T) {
	body := noise(1 << 20)
	start := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(2*len(body)))
		_, _ = w.Write(body)
	}
	for name, end := range map[string]func(http.ResponseWriter, *http.Request){
		"too short": func(http.ResponseWriter, *http.Request) {},
		"panic":     func(http.ResponseWriter, *http.Request) { panic("a test's") },
		"abort":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"deadline": func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0))
			_, _ = w.Write(body)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := fileHost(t, func(w http.ResponseWriter, r *http.Request) {
				start(w)
				end(w, r)
			}, "file")
			for range 40 { // more than there are places
				s := h.Open(bridgetest.Request{Files: true, Window: 1 << 20})
				s.Expect(bridgetest.Head)
				f := s.Next()
				for ; f.Kind == bridgetest.File; f = s.Next() {
					h.SendTerm(bridgetest.Taken, s.ID, f.Term().(etf.Tuple)[4])
				}
				require.Equal(t, bridgetest.Abort, f.Kind)
				s.Abort(bridge.CodeCancelled, "")
			}
			require.Eventually(t, func() bool { return memoryFiles(t) == 0 }, 10*time.Second, time.Millisecond)
		})
	}
	h := fileHost(t, generates(body, 32<<10), "file")
	got, files := collect(t, h, h.Open(bridgetest.Request{Files: true, Window: 16 << 20}), whole)
	require.True(t, bytes.Equal(body, got))
	require.Positive(t, files)
}

// begins declares a body, and writes only its beginning.
func begins(length int) http.HandlerFunc {
	part := noise(leastGenerated)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(length))
		_, _ = w.Write(part)
		<-r.Context().Done()
	}
}

// nothingInUse waits for the bodies of the tests before, whose last frame may be seen a
// moment before their place is free.
func nothingInUse(t *testing.T) {
	t.Helper()
	bridge.RetireMemory()
	require.Eventually(t, func() bool { return bridge.MemoryInUse() == 0 }, 10*time.Second, time.Millisecond)
}

func TestSoManyBodiesGoByMemoryAtOnce(t *testing.T) {
	for length, places := range map[int]int{
		8 << 20: 4 + 16, // of two files of 4 MiB up to 32 MiB, and of 1 MiB up to 64
		1 << 20: 32 + 32,
	} {
		t.Run(strconv.Itoa(length), func(t *testing.T) {
			nothingInUse(t)
			h := fileHost(t, begins(length), "file")
			var streams []*bridgetest.Stream
			for range places {
				s := h.Open(bridgetest.Request{Files: true})
				s.Expect(bridgetest.Head)
				s.Expect(bridgetest.File)
				streams = append(streams, s)
			}
			one := h.Open(bridgetest.Request{Files: true, Window: 1 << 20})
			one.Expect(bridgetest.Head)
			one.Expect(bridgetest.Chunk) // it goes by the wire
			for _, s := range streams {
				s.Abort(bridge.CodeCancelled, "")
			}
			nothingInUse(t)
			next := h.Open(bridgetest.Request{Files: true})
			next.Expect(bridgetest.Head)
			next.Expect(bridgetest.File)
			next.Abort(bridge.CodeCancelled, "")
			one.Abort(bridge.CodeCancelled, "")
			nothingInUse(t)
		})
	}
}

// A goroutine that a handler has left behind writes when the response is over.
func TestWhoWritesTooLateTakesNoMemory(t *testing.T) {
	nothingInUse(t)
	over, written := make(chan struct{}), make(chan struct{})
	h := fileHost(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(4*leastGenerated))
		_, _ = w.Write(make([]byte, leastGenerated))
		go func() {
			<-over
			_, _ = w.Write(make([]byte, leastGenerated))
			close(written)
		}()
		<-r.Context().Done()
	}, "file")
	s := h.Open(bridgetest.Request{Files: true, Window: 1 << 20, Timeout: 100 * time.Millisecond})
	for f := s.Next(); f.Kind != bridgetest.Abort; f = s.Next() {
		if f.Kind == bridgetest.File {
			h.SendTerm(bridgetest.Taken, s.ID, f.Term().(etf.Tuple)[4])
		}
	}
	s.Abort(bridge.CodeDeadline, "")
	nothingInUse(t)
	close(over)
	<-written
	nothingInUse(t)
}

func TestAFileStandsBehindWhatWasGenerated(t *testing.T) {
	name := bigFile(t)
	body := noise(400_000)
	h := fileHost(t, func(w http.ResponseWriter, _ *http.Request) {
		f, err := os.Open(name)
		if err != nil {
			panic(err)
		}
		defer func() { _ = f.Close() }()
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+fileSize))
		_, _ = w.Write(body)
		_, _ = io.Copy(w, f)
	}, "file")
	got, files := collect(t, h, h.Open(bridgetest.Request{Files: true, Window: 16 << 20}), whole)
	require.True(t, bytes.Equal(append(body, make([]byte, fileSize)...), got))
	require.GreaterOrEqual(t, files, 2)
}
