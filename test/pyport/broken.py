"""gwport_wsgi.py with one thing wrong: broken.py NAME [FILE], or broken.py --list

Each function below has a name, what it does wrong, the rule of SPEC.md that it breaks, and what
becomes of it: a part of what `gwport check` says, and in front of Cowboy a request, what its client
sees, what is asked next, and a part of the log. --list prints this table, a line each, with tabs;
the tests of both sides read it (README.md here shows it). With FILE only the program that creates
it is broken; those that come after it are good.

A request is METHOD PATH BYTES. Before it stands what happens besides: `leave`, the client leaves
when it has the head; `stop`, the pool is stopped while the request is under way; `term`, the
program gets SIGTERM first; `upgrade`, the client asks for another protocol, sends a word and hears
it back; `start`, there is no request. What is asked next of the same program is
a path; `next`: of its successor; `gone`: nothing, because the pool is stopped.
"""
import functools, os, struct, sys, threading, zlib

sys.dont_write_bytecode = True
import gwport_wsgi as good
from gwport_wsgi import (
    ABORT, BAD_PAYLOAD, CHUNK, CREDIT, DRAIN, ENTERED, FAULT, FIN, HEAD, INTERNAL_ERROR, LOG,
    NO_APP, PING, PORT_CLOSED, READY, REPLY, TAKEOVER, TRAILERS, WINDOW, Port, Stream)

PROGRAMS = {}
SMALL = "GET /bytes/10"

def broken(rule, says, request, client, then="/status/204", log=""):
    def add(change):
        name = change.__name__.replace("_", "-")
        row = name, rule, says, request, client, then, log, change.__doc__
        PROGRAMS[name] = row, change
        return change
    return add

# Ways to change what is written.
def outgoing(*kinds):
    """To have a function called for the frames of these kinds, with how to put them and the port"""
    def install(change):
        original = Port.put
        def put(port, kind, number, term, written=None):
            if kind in kinds:
                change(functools.partial(original, port), port, kind, number, term, written)
            else:
                original(port, kind, number, term, written)
        Port.put = put
    return install
def payload(term):
    return b"\x83" + good.encode(term)
def framed(kind, number, data):
    parts = (kind, data) if number is None else (kind, number, data)
    return with_length(payload(parts))
def with_length(frame):
    return struct.pack(">I", len(frame)) + frame
def write(port, data, kind=LOG, number=None, rank=1, written=None):
    """Puts bytes among the frames; with a stream's number they go if it lives, else always."""
    port.frames.put((rank, next(port.order), kind, number, data, written))
def ahead(kinds, data):
    """Puts bytes before each of these frames."""
    @outgoing(*kinds)
    def _(put, port, kind, number, term, written):
        write(port, data)
        put(kind, number, term, written)
def instead(kinds, change):
    """Puts what change makes of a term."""
    @outgoing(*kinds)
    def _(put, port, kind, number, term, written):
        put(kind, number, change(term), written)
def behind(kinds, make):
    """Puts bytes behind each of these frames."""
    @outgoing(*kinds)
    def _(put, port, kind, number, term, written):
        put(kind, number, term, written)
        write(port, make(number), rank=0 if kind == ABORT else 1)
def recode(old, new):
    instead([ABORT], lambda term: (new if term[0] == old else term[0], term[1]))
def handled(kind, method):
    good.FRAMES[kind] = (good.FRAMES[kind][0], method)
def initially(of, change):
    original = of.__init__
    def init(self, *args):
        original(self, *args)
        change(self)
    of.__init__ = init

# Section 2: how a program is started and ended.
@broken("P1", '"Hello', SMALL, "502", "next", "a frame of 1214606444 bytes")
def prints():
    """Prints a line to the wire before it answers."""
    ahead([HEAD, REPLY], b"Hello, standard output\n")
@broken("P5", "still running after", "stop GET /sleep/60000", "502", "gone")
def outlives_input():
    """Lives on at the end of its input, and past the drain timeout."""
    Port.stop = lambda port: None
@broken("P6", "expected drain", "term " + SMALL, "200")
def deaf_to_sigterm():
    """Takes no notice of SIGTERM."""
    Port.drain = lambda port: None
@broken("P7", "exit 3, expected exit 0", "stop GET /sleep/300", "200", "gone")
def exits_with_3():
    """Exits with 3 though nothing was wrong."""
    initially(Port, lambda port: setattr(port, "status", 3))

# Section 3: frames.
@broken("F2", "a frame of 0 bytes", SMALL, "502", "next", "a frame of 0 bytes, expected 10 to")
def zero_length():
    """Writes a length of 0 before it answers, or faults."""
    ahead([HEAD, REPLY, FAULT], bytes(4))
@broken("F3", "83 68 02 62", SMALL, "502", "next", "not an envelope")
def long_kind():
    """Writes the kind of head and fault as INTEGER_EXT."""
    @outgoing(HEAD, FAULT)
    def _(put, port, kind, number, term, written):
        frame = framed(kind, number, payload(term))[4:].replace(
            bytes((97, kind)), b"\x62" + struct.pack(">i", kind), 1)
        write(port, with_length(frame), rank=2 if kind == FAULT else 1)
        if kind == FAULT:
            put(good.END, good.END, [])
@broken("F4", "fin with 0", SMALL, "200 broken")
def fin_with_0():
    """Gives fin the payload 0."""
    instead([FIN], lambda term: 0)
@broken("F4", "chunk of 0 bytes", SMALL, "200 broken")
def empty_chunks():
    """Writes an empty chunk before each chunk."""
    @outgoing(CHUNK)
    def _(put, port, kind, number, term, written):
        put(kind, number, b"")
        put(kind, number, term)
@broken("F4 C4", "chunk of 65537 bytes", "GET /bytes/100000", "200 broken")
def large_chunks():
    """Writes chunks of 65,537 bytes."""
    good.MAX_CHUNK, good.CYCLE = 65537, bytes(range(251)) * 262
@broken("F5", "no compressed term", "GET /status/404", "502", "/bytes/10")
def compressed():
    """Compresses the payload of reply."""
    @outgoing(REPLY)
    def _(put, port, kind, number, term, written):
        data = good.encode(term)
        data = b"\x83P" + struct.pack(">I", len(data)) + zlib.compress(data)
        write(port, framed(kind, number, data), kind, number)
@broken("F6", "expected abort bad_payload (8)", SMALL, "200")
def blames_itself():
    """Calls a bad payload internal_error."""
    recode(BAD_PAYLOAD, INTERNAL_ERROR)
@broken("F8", "seen kind 99", SMALL, "502", "next", "kind 99 is unknown")
def kind_99():
    """Writes a frame of kind 99 before it answers, or faults."""
    ahead([HEAD, FAULT], framed(99, None, payload([])))

# Section 5: the greeting.
@broken("G1", "window is", "start", "-", "next", "ready lacks a key")
def no_window():
    """Leaves the window out of ready."""
    instead([READY], lambda term: {key: term[key] for key in term if key != "window"})
@broken("G1", "expected ready", "start", "-", "next", "no ready within")
def never_ready():
    """Does not answer hello."""
    outgoing(READY)(lambda *_: None)
@broken("G3", "version 2", "start", "-", "next", "the program chose wire version 2")
def version_2():
    """Chooses wire version 2."""
    instead([READY], lambda term: term | {"version": 2})

# Section 6: requests.
@broken("R3", "for stream 2147483646", SMALL, "502", "next", "credit for stream 2147483646")
def unknown_stream():
    """Grants credit for a stream that nobody has opened."""
    ahead([HEAD, REPLY], framed(CREDIT, 2**31 - 2, payload(1)))
@broken("R4", "expected abort", "GET /nobody", "500")
def serves_no_app():
    """Answers 404 for an app that it does not have."""
    @outgoing(ABORT)
    def _(put, port, kind, number, term, written):
        if term[0] == NO_APP:
            return write(port, framed(REPLY, number, payload((404, [], b""))))
        put(kind, number, term)
@broken("R5", "expected entered", "POST /ignore 10", "200")
def skips_entered():
    """Enters its apps without a word."""
    outgoing(ENTERED)(lambda put, port, kind, number, term, written: written.set())
@broken("R5", "expected entered before the response", "POST /echo 10", "200")
def late_entered():
    """Says entered before fin, instead of before it starts the app."""
    skips_entered()
    @outgoing(FIN)
    def _(put, port, kind, number, term, written):
        if port.streams[number].request[b"method"] not in good.IDEMPOTENT:
            write(port, framed(ENTERED, number, payload([])), ENTERED, number)
        put(kind, number, term)
@broken("R7", "expected abort bad_length (13)", "POST /echo 10", "200")
def any_length():
    """Does not look at a request's length."""
    initially(Stream, lambda stream: setattr(stream, "length", stream.length and None))

# Section 7: streams.
@broken("S1", "before the head", SMALL, "502")
def chunk_first():
    """Writes the head behind the first chunk."""
    held = {}
    outgoing(HEAD)(lambda put, port, kind, number, term, written: held.update({number: term}))
    @outgoing(CHUNK)
    def _(put, port, kind, number, term, written):
        put(kind, number, term)
        if number in held:
            write(port, framed(HEAD, number, payload(held.pop(number))), HEAD, number)
@broken("S1", "one head or reply", SMALL, "200 broken")
def head_twice():
    """Writes the head twice."""
    @outgoing(HEAD)
    def _(put, port, kind, number, term, written):
        put(kind, number, term)
        put(kind, number, term)
@broken("S1", "expected the end of the response", SMALL, "200 broken")
def never_fin():
    """Never ends a response that has a body."""
    outgoing(FIN)(lambda *_: None)
@broken("S2", "no credit behind the end of the response", SMALL, "200")
def grants_behind_the_end():
    """Grants a byte behind the end of the response."""
    behind([FIN, REPLY], lambda number: framed(CREDIT, number, payload(1)))
@broken("S5", "as content-length says", SMALL, "200 broken")
def one_byte_short():
    """Announces a byte more than it sends, in content-length."""
    @outgoing(HEAD)
    def _(put, port, kind, number, term, written):
        size = port.streams[number].request[b"path"].removeprefix(b"/bytes/")
        more = [("Content-Length", str(int(size) + 1))] if size.isdigit() else []
        put(kind, number, (term[0], term[1] + more))
@broken("S6", "no CR, LF or NUL in a value", "GET /status/404", "404", "/bytes/10")
def line_break():
    """Has a line break in a header's value."""
    instead([REPLY], lambda term: (term[0], [*term[1], ("X-A", "b\r\nSet-Cookie: c=1")], term[2]))
@broken("S6", "a status of 200 to 999", "GET /status/404", "502", "/bytes/10")
def status_99():
    """Replies with status 99."""
    instead([REPLY], lambda term: (99, *term[1:]))
@broken("S7", "with status 200", "GET /fail", "200")
def fails_with_200():
    """Replies 200 when an app has failed."""
    instead([REPLY], lambda term: (200 if term[0] == 500 else term[0], *term[1:]))
@broken("A1", "one abort a stream", "leave GET /bytes/100000000", "left")
def aborts_twice():
    """Writes each abort twice."""
    @outgoing(ABORT)
    def _(put, port, kind, number, term, written):
        put(kind, number, term)
        put(kind, number, term)
@broken("A2", "expected abort cancelled (2)", "leave GET /bytes/100000000", "left", "next",
        "1 aborts were not answered")
def answers_no_abort():
    """Ends an aborted stream without an answer."""
    handled(ABORT, lambda stream, reason: stream.port.close(stream.number))
@broken("A4", "nothing behind the program's own abort", "leave GET /bytes/100000000", "left")
def chunk_behind_abort():
    """Writes a chunk behind its abort."""
    behind([ABORT], lambda number: framed(CHUNK, number, b"x"))
@broken("C1", "which is the credit", "GET /bytes/10000000", "200 broken")
def beyond_credit():
    """Has a gigabyte of credit, whatever the host says."""
    initially(Stream, lambda stream: setattr(stream, "credit", 2**30))
@broken("C3", "expected abort bad_credit (10)", SMALL, "200")
def any_grant():
    """Takes grants of 0, and too much of them."""
    def on_credit(stream, grant):
        stream.credit += grant
    handled(CREDIT, on_credit)
@broken("C4", "expected credit", "POST /echo 300000", "200 broken")
def never_grants():
    """Grants nothing beyond its first window."""
    outgoing(CREDIT)(lambda *_: None)
@broken("O1", "expected the end of the response", "GET /sleep/60000", "502", "next",
        "no answer to a ping within")
def waits_for_the_app():
    """Runs its apps in the thread that reads."""
    class Thread(threading.Thread):
        def start(self):
            self.run() if self.name == "app" else super().start()
    threading.Thread = Thread

# Section 9 and 11: the port's life, limits.
@broken("D1", "a number of at most", "stop GET /sleep/300", "200", "gone")
def drains_above():
    """Names a number in drain that was never opened."""
    instead([DRAIN], lambda term: term + 2)
@broken("D2", "expected the end of standard output", "stop GET /sleep/300", "200", "gone")
def never_drained():
    """Does not end when its last stream has, after a drain."""
    original = Port.close
    def close(port, *args):
        draining, port.draining = port.draining, False
        original(port, *args)
        port.draining = draining
    Port.close = close
@broken("D4", "expected pong", "GET /sleep/60000", "502", "next", "no answer to a ping within")
def no_pong():
    """Does not answer ping."""
    handled(PING, lambda port, term: None)
@broken("D5", "{Level, Text, Meta}", "GET /fail", "500", log="ZeroDivisionError")
def level_9():
    """Logs at level 9, which the host takes for debug."""
    instead([LOG], lambda term: (9, *term[1:]))
@broken("D5", "{Level, Text, Meta}", "GET /fail", "500", log="a log frame that cannot be read")
def no_meta():
    """Logs a level and a text alone."""
    instead([LOG], lambda term: term[:2])
@broken("11", "expected abort too_large (12)", SMALL, "200")
def loose_limit():
    """Announces a max_head of 5,000 and takes more."""
    instead([READY], lambda term: term | {"max_head": 5000})

# Section 14: a connection that an app takes over.
@broken("U2", "one takeover, in the place of a head", "upgrade GET /takeover", "cut")
def takes_over_twice():
    """Writes takeover twice."""
    @outgoing(TAKEOVER)
    def _(put, port, kind, number, term, written):
        put(kind, number, term)
        put(kind, number, term, written)
@broken("C1 U2", "which is the credit", "upgrade GET /takeover", "cut")
def speaks_first():
    """Writes a byte behind takeover, and has no credit yet."""
    @outgoing(TAKEOVER)
    def _(put, port, kind, number, term, written):
        # At once: between two writes credit may come.
        both = framed(kind, number, payload(term)) + framed(CHUNK, number, b"x")
        write(port, both, kind, number, written=written)
@broken("U4", "expected abort flow_exceeded (11)", SMALL, "200")
def takes_early_bytes():
    """Takes what is sent before takeover."""
    def change(stream):
        stream.granted = WINDOW
    initially(Stream, change)
@broken("U4", "expected abort bad_order (9)", SMALL, "200")
def trailers_are_an_end():
    """Takes trailers of a connection for its end."""
    handled(TRAILERS, Stream.on_end)
@broken("U6", "seen the end of standard output", "upgrade GET /takeover", "echoed")
def drains_connections():
    """Ends the connections of its apps when it is to drain."""
    original = Port.drain
    def drain(port, _=None):
        original(port)
        with port.lock:
            for number in [number for number in port.streams if port.streams[number].taken]:
                port.close(number, PORT_CLOSED)
    Port.drain = drain
    good.FRAMES[DRAIN] = (good.FRAMES[DRAIN][0], drain)
@broken("U7", "takeover right behind a head", SMALL, "200")
def takes_over_before_the_head():
    """Writes takeover of a stream of HTTP/2 before the head that opens it."""
    held = {}
    @outgoing(HEAD)
    def _(put, port, kind, number, term, written):
        if port.streams[number].tunnel and term[0] == 200:
            held[number] = term
        else:
            put(kind, number, term)
    @outgoing(TAKEOVER)
    def _(put, port, kind, number, term, written):
        put(kind, number, term, written)
        if number in held:
            put(HEAD, number, held.pop(number))

def main():
    if sys.argv[1:] == ["--list"]:
        for row, _ in PROGRAMS.values():
            print("\t".join(row))
        return
    if len(sys.argv) < 2 or sys.argv[1] not in PROGRAMS:
        sys.exit("usage: broken.py --list | NAME [FILE ...]; --list has the names")
    name, *files = sys.argv[1:]
    del sys.argv[1:]  # gwport_wsgi.py would take it for an app's name
    try:
        for file in files:
            os.close(os.open(file, os.O_CREAT | os.O_EXCL))
        PROGRAMS[name][1]()
    except FileExistsError:
        pass
    good.main()

if __name__ == "__main__":
    main()
