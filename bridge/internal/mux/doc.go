// Package mux carries the streams of one connection between a host and this
// program: many at a time over one pair of pipes, none of which can stop another.
// It knows frames (package wire), bytes and credit, and nothing of what the bytes
// say: no HTTP, no handlers. What is above it is an [App], which says what each
// stream is for, and a [Task], which is the work on one of them.
//
// # The life of a stream
//
// Open. The reader meets an open frame, checks its number and its size, and asks
// the App what it is for. The App's answer, an [Opening], has the Task, how much
// the two halves may carry at first, and whether the host must have been told
// before the task runs (entered, for requests that may not be sent twice). Either
// the stream then goes into the conn's map, or an abort goes back and nothing is
// left. A Task embeds its [Stream], so that one allocation holds all of it.
//
// Run. A worker, which is a goroutine that runs one task after another, calls
// Task.Run: at once, or, where the host must have been told, when the write that
// carries the entered frame has returned. The reader goes on to the next frame
// without waiting for either. A task that has to wait may do so in Run, or return and
// say so: it then has no worker, which goes on to another task, until somebody calls
// [Stream.Wake] and Run is called again. Its stream stays as it is. One that ends
// while its task waits does nothing of its own: Cancel has to see to it that the task is woken.
//
// Two halves. A stream is two directions that know little of each other. [In] is
// the one that arrives: the reader copies each chunk into it and never waits,
// because the host has no more credit than the window that In has room for;
// reading In is what makes room, and grants more. [Out] is the one that we send:
// who writes takes credit first, and waits where there is none; frames then wait
// in Out for the writer. Order, credit and the end of a direction are kept in its
// half and nowhere else, the arithmetic of credit in credit.go.
//
// Write. One goroutine writes. What it takes next is in the outbox: first frames
// without a stream, then streams that have something urgent to say (entered, a
// grant, an abort), then the streams that have frames in their Out, in turn and a
// chunk at a time. All that is ready goes into one write. A response whose length is
// known is kept back for a moment, and goes as one frame if it is whole by then
// (whole.go).
//
// End. Each half ends once. In ends with the host's fin or trailers, or has ended
// at the open if nothing was to come; Out ends when fin, trailers or a reply is
// taken to be written, and from then on what still arrives is dropped. When both
// have ended the stream is forgotten: it leaves the conn's map, and a frame that
// comes for it later is ignored. The Task may have returned long before, or may go
// on; one that goes on for more than a second counts as abandoned, and too many of
// these make the conn drain.
//
// Early end. An abort, from either side or because the wire is gone, ends both
// halves at once: what waits is dropped, whoever waits in a Read or a Write is
// woken, and both return the cause from then on. The Task is cancelled with the
// same cause, which the App has made, so that everybody is told the same value.
// Fail is the abort that waits until what is already in Out has been written.
//
// # Locks
//
// One mutex guards a conn with its streams, and is held for moments. A stream
// without a body that arrives and with a small reply takes it four times: when it
// is opened, when its handler has returned (Returned), for the reply (QueueReply),
// and when the worker rests; the writer's and the reader's own are for many streams
// at a time. Only In has a mutex of its own, by which Reads take turns, so that
// bytes are copied outside of the conn's.
//
// # Where what is planned goes
//
// Taking over a connection (SPEC.md, section 14): a task that reads In and writes
// chunks to Out as they are, behind one frame that says so in the place of a head.
// CloseWrite is fin in Out; the other side's is the end of In. The Opening of such
// a stream keeps In open in spite of its request's length, and on demand [U1];
// what has to change is Out.end, which must not refuse what still arrives [U4].
//
// Calls, which are streams that the program opens and that have odd numbers: a
// second counter beside Conn.highest and an open of ours in the outbox, written
// before anything else of the stream. The halves stay as they are, since they are
// told apart by direction and not by who has opened; the reader's check of numbers
// (handleStream) and the map are the places that tell odd from even.
//
// Files (sendfile): a second kind of piece in Out's queue beside a [Buffer], which
// names a file and how much of it is meant. It costs credit as its bytes would;
// Out.takeTurn is where it becomes frames, or a frame that hands the file over.
package mux
