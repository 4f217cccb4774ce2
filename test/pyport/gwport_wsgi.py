"""A port program of the gwport wire, version 1, for a WSGI app: gwport_wsgi.py [MODULE:APP]

Written from SPEC.md alone, to show that the page is enough; ids as [C1] are its rules. The main
thread writes all frames, a reader never waits for an app [O2], an app has a thread a stream. Limit:
a C call that keeps the interpreter's lock, as sum(range(10**11)) does, keeps [P5] waiting as well.

What WSGI does not have is in the environ. `pyport.read` gives what there is of the body, b"" at its
end; `pyport.over` is an event: the stream has ended. Where `pyport.upgrade` is there, the client
asks for that protocol, and start_response with 101 takes its connection over (section 14): then the
app's blocks are what the client is sent, `pyport.next` gives what it sends, b"" at the end, and
None, once, when the program drains; the app's end closes the connection. The head is sent at once,
on HTTP/2 as 200. A 101 without Upgrade is no head: the app sends one itself.
"""
import contextlib, fcntl, io, os, pkgutil, queue, signal, socket, struct, sys, termios, threading, time
import traceback
from urllib.parse import unquote_to_bytes
from wsgiref.validate import validator

HELLO, READY, FAULT, PING, PONG, DRAIN, LOG = range(7)
OPEN, ENTERED, CHUNK, FIN, TRAILERS, CREDIT, ABORT, INFORM, HEAD, REPLY, TAKEOVER = range(16, 27)
END = -1  # of no stream, so it is never written; it tells the writer to end
NO_ERROR, INTERNAL_ERROR, REFUSED, NO_APP, BAD_PAYLOAD, BAD_ORDER, BAD_CREDIT = 0, 1, 6, 7, 8, 9, 10
FLOW_EXCEEDED, TOO_LARGE, BAD_LENGTH, PORT_CLOSED = 11, 12, 13, 15
NO_COMMON_VERSION, BAD_FRAME, BAD_STREAM, BAD_GREETING = range(1, 5)
MAX_FRAME, MAX_HEAD, MAX_STREAMS, MAX_CHUNK, WINDOW = 1048576, 65536, 1000, 65536, 65536
CONNECTION = {"content-type", "connection", "upgrade", "sec-websocket-accept"}  # not for HTTP/2
MAX_DEPTH, MAX_TEXT, GRACE = 32, 1024, 0.3  # GRACE: seconds that apps have at the end [P5]
IDEMPOTENT = {b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"}  # [R5]

class Fault(Exception):
    """(code, text): a stream is aborted; or the port ends, where no stream is at fault."""
def check(good, code, text):
    if not good:
        raise Fault(code, text)

# Terms [F5]: the tags that have so many bytes of content, and so many of length.
SIZES = {70: 8, 97: 1, 98: 4, 99: 31, 106: 0}
LENGTHS = {100: 2, 104: 1, 105: 4, 107: 2, 108: 4, 109: 4, 110: 1, 111: 4, 115: 1, 116: 4, 118: 2,
           119: 1}

def decode(payload, shape, code=BAD_PAYLOAD):
    """The one term of a payload [F4], of that shape [F6]; what is made is never longer than it."""
    rest, good = io.BytesIO(payload), False
    with contextlib.suppress(Fault, LookupError, TypeError):
        good = take(rest, 1) == b"\x83" and fits(term := decode_term(rest, 0), shape)
    check(good and not rest.read(1), code, "a payload that is not as described")
    return term
def take(rest, size):
    data = rest.read(size)
    check(len(data) == size, BAD_PAYLOAD, "cut short")
    return data
def decode_term(rest, depth):
    tag = take(rest, 1)[0]
    size = SIZES[tag] if tag in SIZES else int.from_bytes(take(rest, LENGTHS[tag]), "big")
    if tag not in (104, 105, 108, 116):
        data = take(rest, size + (tag in (110, 111)))  # these have a sign
        return SCALARS[tag](data) if tag in SCALARS else data == b"true" or None
    check(depth < MAX_DEPTH, BAD_PAYLOAD, "nested too deep")
    items = [decode_term(rest, depth + 1) for _ in range(2 * size if tag == 116 else size)]
    if tag == 116:
        check(len(set(items[::2])) == size, BAD_PAYLOAD, "a key that is there twice")  # [F7]
        return dict(zip(items[::2], items[1::2]))
    check(tag != 108 or decode_term(rest, depth + 1) == [], BAD_PAYLOAD, "an improper list")
    return items if tag == 108 else tuple(items)
def big(data):
    return int.from_bytes(data[1:], "little") * (-1 if data[0] else 1)
SCALARS = {97: ord, 98: lambda data: int.from_bytes(data, "big", signed=True), 106: list, 107: list,
           109: bytes, 110: big, 111: big}  # of floats and atoms only `true` says anything

def fits(term, shape):
    """A shape is a type, a range, a tuple or map of shapes, or a list of its elements' shape."""
    if isinstance(shape, dict):  # which ignores other keys [F7]
        return type(term) is dict and all(
            fits(term[key], shape[key]) if key in term else key in OPTIONAL for key in shape)
    if isinstance(shape, tuple):
        return type(term) is tuple and len(term) == len(shape) and all(map(fits, term, shape))
    if isinstance(shape, list):
        return type(term) is list and all(fits(item, shape[0]) for item in term)
    if isinstance(shape, range):
        return type(term) is int and term in shape
    return type(term) is shape or shape is object
NATURAL, WINDOWS = range(2**31), range(2**24 + 1)
SHORT, LONG = (range(256), bytes), (range(256), range(256, 2**31), bytes)  # [F3]
HELLO_MAP = {b"versions": (int, int), b"max_frame": range(65551, 2**63), b"max_head": int,
             b"max_streams": int, b"capabilities": [bytes], b"options": {b"drain_timeout": NATURAL}}
REQUEST = {b"method": bytes, b"path": bytes, b"query": bytes, b"version": (int, int), b"port": int,
           b"scheme": bytes, b"host": bytes, b"peer": (bytes, int), b"local": (bytes, int),
           b"headers": [(bytes, bytes)], b"path_info": NATURAL, b"length": int, b"continue": bool,
           b"app": bytes, b"timeout": int, b"cert": bytes, b"upgrade": bool, b"protocol": bytes}
OPTIONAL = {b"drain_timeout", b"length", b"continue", b"app", b"timeout", b"cert", b"upgrade",
            b"protocol"}
def encode(term):
    if isinstance(term, int):
        return bytes((97, term)) if 0 <= term < 256 else struct.pack(">Bi", 98, term)
    if isinstance(term, (bytes, str)):
        data = term.encode("latin-1") if isinstance(term, str) else term
        return struct.pack(">BI", 109, len(data)) + data
    data = b"".join(map(encode, sum(term.items(), ()) if isinstance(term, dict) else term))
    if isinstance(term, tuple):
        return bytes((104, len(term))) + data
    tag, tail = (116, b"") if isinstance(term, dict) else (108, b"j")
    return struct.pack(">BI", tag, len(term)) + data + tail if term != [] else b"j"
def decode_frame(frame):
    """[F3] Kind, number or None, payload. That encoding gives the same again shows the layout."""
    parts = decode(frame, SHORT if frame[2] == 2 else LONG, BAD_FRAME)
    check(b"\x83" + encode(parts) == frame, BAD_FRAME, "not the layout of a frame")
    return parts if len(parts) == 3 else (parts[0], None, parts[1])

class Stream(io.RawIOBase):
    """One request and its response; as a raw file, the request's body. `on_` is for the reader."""
    def __init__(self, port, number, window, request):
        self.port, self.number, self.request = port, number, request
        self.changed, self.over = threading.Condition(port.lock), threading.Event()
        self.written = threading.Event()  # what the app has put is written, or the stream is over
        self.length, self.received, self.consumed = request.get(b"length"), 0, 0
        self.upgrade = port.hijack and b"upgrade" in request
        self.tunnel = port.hijack and b"protocol" in request
        held = b"continue" in request or self.upgrade
        self.granted, self.credit = 0 if held else WINDOW, window  # [C2]
        if self.upgrade:
            self.length = None  # the request half is open, and its length is for who declines [U1]
        self.in_ended, self.out_ended, self.body = self.length == 0, False, bytearray()
        self.head, self.sent, self.finished = None, False, False
        self.taken, self.opened, self.told = False, False, False
    def on_chunk(self, data):
        check(not self.in_ended, BAD_ORDER, "chunk after the end")  # [S1]
        check(1 <= len(data) <= MAX_CHUNK, BAD_PAYLOAD, f"chunk of {len(data)} bytes")
        self.received += len(data)
        check(self.received <= self.granted, FLOW_EXCEEDED, f"byte {self.received}")  # [C3]
        check(self.length is None or self.received <= self.length, BAD_LENGTH, "too long")  # [R7]
        if not self.out_ended:  # [S2]
            self.body += data
    def on_end(self, _):
        check(not self.in_ended, BAD_ORDER, "a second end")
        check(self.received >= (self.length or 0), BAD_LENGTH, "too short")
        self.in_ended = True
        if self.out_ended:
            self.port.close(self.number)
    def on_trailers(self, fields):
        check(not self.taken, BAD_ORDER, "trailers of a connection")  # [U4]
        self.on_end(fields)
    def on_credit(self, grant):
        if not self.out_ended:  # [C5]
            check(grant in range(1, 2**31 - self.credit), BAD_CREDIT, f"a grant of {grant}")  # [C3]
            self.credit += grant
            self.opened = True
    def on_abort(self, reason):
        self.port.close(self.number, *() if self.out_ended else reason)  # [A2]
    def readable(self):
        return True
    def readinto(self, buffer):
        """Grants when half of the window is free, as all of it is for 100 Continue [C4]."""
        with self.port.lock:
            if self.upgrade and not self.taken:
                return 0  # [U1]
            self.grant()
            self.wait_for(lambda: self.body or self.in_ended)
            size = min(len(buffer), len(self.body))
            buffer[:size] = self.body[:size]
            del self.body[:size]
            self.consumed += size
            return size
    def grant(self):
        free = WINDOW + self.consumed - self.granted
        if free >= WINDOW // 2 and not self.in_ended and not self.out_ended:
            self.granted += free
            self.port.put(CREDIT, self.number, free)
    def next(self):
        with self.port.lock:
            self.grant()
            drains = lambda: self.port.draining and not self.told  # [U6]
            self.wait_for(lambda: self.body or self.in_ended or drains())
            if not self.body and not self.in_ended:
                self.told = True
                return None
        return self.read(MAX_CHUNK)
    def wait_for(self, ready):
        """The stream's end is an error for the app; an end of file would mean a whole body."""
        self.changed.wait_for(lambda: self.over.is_set() or ready())
        if self.over.is_set() or self.out_ended:
            raise ConnectionResetError("the stream is over")
    def start_response(self, status, headers, exc_info=None):
        if self.sent:
            raise exc_info[1] if exc_info else AssertionError("the head has been sent")
        self.head = ((int(status[:3]), status[4:]), headers)  # the host checks them [S6]
        check(len(encode(self.head)) < self.port.hello[b"max_head"], TOO_LARGE, "head")  # [G4]
        if self.head[0][0] == 101 and (self.upgrade or self.tunnel):
            self.take_over(headers)
        return self.write
    def take_over(self, headers):
        """Without Content-Type, which wsgiref.validate wants of a 101 as well."""
        self.sent = self.taken = True
        lines = [f"{name}: {text}" for name, text in headers if name.lower() != "content-type"]
        with self.port.lock:
            if self.tunnel:  # [U7]
                fields = [field for field in headers if field[0].lower() not in CONNECTION]
                self.port.put(HEAD, self.number, (200, fields))
            self.opened, self.credit = self.tunnel, self.credit if self.tunnel else 0  # [U2]
        self.put_and_wait(TAKEOVER, [])  # credit would overtake it
        if self.upgrade and any(line.lower().startswith("upgrade:") for line in lines):
            first = "HTTP/1.1 %d %s" % self.head[0]
            self.write("\r\n".join((first, *lines, "", "")).encode("latin-1"))
    def end_connection(self):
        with self.port.lock:
            self.wait_for(lambda: self.opened)  # [U2]
            self.finished = True
            if self.in_ended:
                self.port.put(FIN, self.number, [])
            else:
                self.port.close(self.number, NO_ERROR)  # [U5, U8], behind what is written
    def write(self, data):
        """Waits for credit, by which what is queued of a stream is bounded. The host drops the body
        that HEAD, 204 and 304 do not have [S4], and holds it against content-length [S5]."""
        if data and not self.sent:
            self.sent = True
            self.port.put(HEAD, self.number, self.head)
        while data:
            with self.port.lock:
                self.wait_for(lambda: self.credit)
                size = min(len(data), self.credit, MAX_CHUNK)  # however little [C4]
                self.credit -= size
                if not self.taken:
                    self.port.put(CHUNK, self.number, data[:size])
            if self.taken:
                self.put_and_wait(CHUNK, data[:size])  # for the app's end would replace it [A4]
            data = data[size:]
    def put_and_wait(self, kind, term):
        with self.port.lock:
            self.written.clear()
            if not self.over.is_set():
                self.port.put(kind, self.number, term, self.written)
        if not self.over.is_set():
            self.written.wait()
    def run(self, app):
        """The stream's thread. SystemExit is caught too: an app ends itself, not the program."""
        try:
            if self.request[b"method"] not in IDEMPOTENT:
                self.put_and_wait(ENTERED, [])  # [R5]
            if self.over.is_set():
                return  # [A4]
            with contextlib.closing(app(make_environ(self), self.start_response)) as blocks:
                for block in blocks:
                    self.write(block)
                if self.taken:
                    return self.end_connection()
                kind, term = (FIN, []) if self.sent else (REPLY, (*self.head, b""))
                self.finished = True
                self.port.put(kind, self.number, term)
        except BaseException as error:
            self.fail(error)
    def fail(self, error):
        """[S7] An app whose stream is over has nothing to answer for, but it may say so."""
        with self.port.lock:
            if not isinstance(error, ConnectionResetError):
                text = "".join(traceback.format_exception(error)).encode(errors="replace")
                self.port.put(LOG, None, (3, text[-MAX_TEXT:], {"stream": self.number}))  # [D5]
            live = not self.finished and not self.over.is_set()
            if live and (self.sent or isinstance(error, Fault)):
                self.port.close(self.number, INTERNAL_ERROR, type(error).__name__)
            elif live:
                self.port.put(REPLY, self.number, (500, [], b""))

def split_path(path, count):
    """[E1] SCRIPT_NAME and PATH_INFO."""
    if not path.startswith(b"/"):
        return b"", path
    pieces, segments = [unquote_to_bytes(piece) for piece in path[1:].split(b"/")], []
    for piece in pieces:
        if piece == b"..":
            del segments[-1:]
        elif piece != b".":
            segments.append(b"/" + piece)
    if pieces[-1] in (b".", b".."):
        segments.append(b"/")  # the trailing slash, which an empty last piece has made already
    cut = max(len(segments) - count - (segments[-1] == b"/"), 0)
    return b"".join(segments[:cut]), b"".join(segments[cut:])
def header_variables(headers):
    values = {}
    for name, value in headers:
        if name != b"proxy" and name.replace(b"-", b"0").isalnum():  # [E2]
            key = "HTTP_" + name.decode().upper().replace("-", "_")
            joint = b"; " if key == "HTTP_COOKIE" else b", "  # [E3]
            key = key[5:] if key in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH") else key
            values[key] = values[key] + joint + value if key in values else value
    return values
def make_environ(stream):
    """Section 10, as PEP 3333 has it. Our own: to read what there is of the body, and an event."""
    req = stream.request
    path, query, version = req[b"path"], req[b"query"], req[b"version"]
    script_name, path_info = split_path(path, req[b"path_info"])
    values = {
        "REQUEST_METHOD": req[b"method"], "SCRIPT_NAME": script_name, "PATH_INFO": path_info,
        "QUERY_STRING": query, "REQUEST_URI": path + b"?" + query if query else path,
        "SERVER_NAME": req[b"host"] or req[b"local"][0], "SERVER_PORT": b"%d" % req[b"port"],
        "SERVER_PROTOCOL": b"HTTP/2" if version[0] == 2 else b"HTTP/%d.%d" % version,
        "REMOTE_ADDR": req[b"peer"][0], "REMOTE_PORT": b"%d" % req[b"peer"][1],
        "wsgi.url_scheme": req[b"scheme"], **header_variables(req[b"headers"])}
    body = io.BufferedReader(stream)
    if stream.upgrade or stream.tunnel:
        values["pyport.upgrade"] = req.get(b"protocol") or values.get("HTTP_UPGRADE", b"")
    return {key: value.decode("latin-1") for key, value in values.items()} | {
        "wsgi.version": (1, 0), "wsgi.input": body, "wsgi.errors": sys.stderr,
        "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
        "pyport.read": lambda: body.read1(MAX_CHUNK), "pyport.over": stream.over,
        "pyport.next": stream.next}

class Port:
    def __init__(self, wire_in, wire_out, apps):
        self.wire_in, self.wire_out, self.apps = open(wire_in, "rb"), wire_out, apps
        self.lock, self.streams, self.highest = threading.RLock(), {}, 255
        self.frames, self.order = queue.PriorityQueue(), iter(range(2**63))
        self.hello, self.hijack, self.draining, self.status = None, False, False, 0
    def put(self, kind, number, term, written=None):
        """Bodies wait for the rest [O1, D4], and a fault or END for all."""
        payload = term if kind == CHUNK else b"\x83" + encode(term)
        frame = b"\x83" + encode((kind, payload) if number is None else (kind, number, payload))
        rank = 2 if kind in (FAULT, END) else kind in (HEAD, CHUNK, FIN, REPLY, TAKEOVER)
        data = struct.pack(">I", len(frame)) + frame
        self.frames.put((rank, next(self.order), kind, number, data, written))
    def write_frames(self):
        """Returns when a drain is done [D2], or when a fault has been the last frame."""
        kind = None
        while kind not in (FAULT, END):
            _, _, kind, number, data, written = self.frames.get()
            with self.lock:
                stream = self.streams.get(number)
                if stream and kind in (FIN, REPLY):
                    stream.out_ended = True  # and not before: an abort would have replaced it [A4]
                    if stream.in_ended:
                        self.close(number)
            while data and (stream or number is None or kind == ABORT):  # else it was replaced
                data = data[os.write(self.wire_out, data):]
            if written:
                written.set()
    def linger(self):
        """Until the host has read all: writing to nobody, it might lose the rest [D2]."""
        for _ in range(int(GRACE * 1000)):
            if not any(fcntl.ioctl(self.wire_out, termios.FIONREAD, bytes(4))):
                return
            time.sleep(0.001)
    def read_frames(self):
        try:
            while len(head := self.wire_in.read(4)) == 4:
                size = int.from_bytes(head, "big")
                check(10 <= size <= MAX_FRAME, BAD_FRAME, f"a frame of {size} bytes")  # [F2]
                frame = self.wire_in.read(size)
                if len(frame) == size:  # else the wire has ended [P5]
                    with self.lock:
                        self.take(*decode_frame(frame))
        except Fault as fault:
            self.put(FAULT, None, fault.args)
            self.on_fault(fault)
        finally:
            self.stop()
    def stop(self):
        """The port is over, and the apps have to be: SIGALRM, unhandled, kills [P5]."""
        with self.lock:
            signal.setitimer(signal.ITIMER_REAL, signal.getitimer(signal.ITIMER_REAL)[0] or GRACE)
            for number in list(self.streams):
                self.close(number, PORT_CLOSED if self.status == 0 else None)
            self.put(END, END, [])
    def take(self, kind, number, payload):
        check((self.hello is None) == (kind == HELLO), BAD_GREETING, "hello is first, and once")
        check(kind in FRAMES and (number is None) == (kind < OPEN), BAD_FRAME, f"[F8] {kind}")
        shape, method = FRAMES[kind]
        if number is None:
            return method(self, decode(payload, shape, BAD_FRAME if kind > HELLO else BAD_GREETING))
        check(number % 2 == 0 and (number > self.highest) == (kind == OPEN), BAD_STREAM,
              f"kind {kind} for {number} after {self.highest}")  # [R2, R3]
        try:
            if kind == OPEN:
                self.open(number, payload)
            elif stream := self.streams.get(number):
                method(stream, payload if kind == CHUNK else decode(payload, shape))
                stream.changed.notify_all()
        except Fault as fault:
            self.close(number, *fault.args)
    def greet(self, hello):
        self.hello, (low, high) = hello, hello[b"versions"]
        check(low <= 1 <= high, NO_COMMON_VERSION, f"the host speaks {low} to {high}, we 1 to 1")
        check(fits(hello, HELLO_MAP), BAD_GREETING, "not a hello")
        self.hijack = b"hijack" in hello[b"capabilities"]
        self.put(READY, None, {
            "version": 1, "window": WINDOW, "max_frame": MAX_FRAME, "max_head": MAX_HEAD,
            "max_streams": MAX_STREAMS, "capabilities": ["hijack"] * self.hijack,
            "name": "gwport_wsgi.py", "program_version": "1", "apps": list(self.apps)})
    def on_fault(self, _):
        self.status = 1  # [P7] who has sent it ends the port next
    def open(self, number, payload):  # in the order of [R4]
        self.highest = number
        if self.draining:
            return  # [D1]
        check(len(payload) <= MAX_HEAD, TOO_LARGE, "open")
        kind, window, request = decode(payload, (int, object, object))
        check(kind == 0, REFUSED, f"type {kind}")  # [R1]
        check(fits((window, request), (WINDOWS, REQUEST)), BAD_PAYLOAD, "not a request")
        app = self.apps.get(request.get(b"app", b""))
        check(app, NO_APP, "no such app")
        check(len(self.streams) < MAX_STREAMS, REFUSED, "too many streams")
        self.streams[number] = Stream(self, number, window, request)
        threading.Thread(target=self.streams[number].run, args=(app,), name="app").start()
    def close(self, number, code=None, text=""):
        """Forgets a stream: with an abort, which replaces what is queued [A3, A4], or when over."""
        if code is not None:
            self.put(ABORT, number, (code, text[:MAX_TEXT]))
        if stream := self.streams.pop(number, None):
            stream.over.set()
            stream.written.set()
            stream.changed.notify_all()
        if self.draining and not self.streams:
            self.put(END, END, [])
    def drain(self, _=None):  # for SIGTERM [P6] or for the host [D2]
        with self.lock:
            if not self.hello:
                os._exit(0)
            if not self.draining:
                self.draining = True
                self.put(DRAIN, None, self.highest)
                limit = self.hello[b"options"].get(b"drain_timeout", 30000) / 1000
                threading.Timer(limit, self.stop).start()
                for stream in self.streams.values():
                    stream.changed.notify_all()  # of which some tell their apps [U6]
                self.close(None)

FRAMES = {  # the host's: what a payload is, and what takes it
    HELLO: ({b"versions": (int, int)}, Port.greet), FAULT: ((NATURAL, bytes), Port.on_fault),
    PING: (NATURAL, lambda port, term: port.put(PONG, None, term)),
    PONG: (NATURAL, lambda port, _: None), DRAIN: (NATURAL[255:], Port.drain), OPEN: (tuple, None),
    CHUNK: (bytes, Stream.on_chunk), FIN: ([], Stream.on_end),
    TRAILERS: ([(bytes, bytes)], Stream.on_trailers), CREDIT: (int, Stream.on_credit),
    ABORT: ((NATURAL, bytes), Stream.on_abort)}

def hello_app(environ, start_response):
    """The default app: it greets, or gives a body back as it arrives."""
    start_response("200 OK", [("Content-Type", environ.get("CONTENT_TYPE", "text/plain"))])
    body = iter(environ["pyport.read"], b"")
    return body if environ["REQUEST_METHOD"] in ("POST", "PUT") else [b"Hello from WSGI\n"]
CYCLE = bytes(range(251)) * 256
CHECKS = {  # section 13
    "echo": lambda environ, n: iter(environ["pyport.read"], b""),
    "bytes": lambda environ, n: (CYCLE[:n - at] for at in range(0, n, len(CYCLE))),
    "sleep": lambda environ, n: [b"slept"] * (not environ["pyport.over"].wait(n / 1000)),
    "status": lambda environ, n: [], "ignore": lambda environ, n: [b"ignored"],
    "fail": lambda environ, n: 1 / 0,
    "takeover": lambda environ, n: iter(environ["pyport.read"], b"")}
def check_app(environ, start_response):
    name, _, digits = environ["REQUEST_URI"].partition("?")[0][1:].partition("/")
    number = int(digits) if digits.isdecimal() else 0
    status = number if name == "status" else 200 if name in CHECKS else 404
    if name == "takeover":
        name, status = (name, 101) if "pyport.upgrade" in environ else ("status", 501)
    blocks = CHECKS.get(name, CHECKS["status"])(environ, number)
    start_response(f"{status} -", [("Content-Type", "text/plain")] * (status not in (204, 304)))
    return blocks

def take_wire():
    """[P1, P3, P4] A line that the host is too slow for is EAGAIN, which a raw file swallows."""
    wire, path = (os.dup(0), os.dup(1)), os.environ.pop("GWPORT_STDERR", "")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", 0, 100_000))
        connection.connect(path)
        os.dup2(connection.fileno(), 2)
    os.dup2(2, 1)
    sys.stdout = sys.stderr = io.TextIOWrapper(open(2, "wb", 0), None, "ignore", write_through=True)
    return wire
def main():
    if not os.environ.pop("GWPORT", ""):
        sys.exit("gwport_wsgi.py is started by a gwport host, which sets GWPORT [P2].")
    wire = take_wire()
    app = pkgutil.resolve_name(sys.argv[1]) if sys.argv[1:] else hello_app
    port = Port(*wire, {b"": validator(app), b"gwport.check": validator(check_app)})
    # In a thread, since a handler may interrupt code that holds a lock.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=port.drain).start())
    threading.Thread(target=port.read_frames).start()
    with contextlib.suppress(OSError):  # nobody reads any more
        port.write_frames()
        port.linger()
    port.stop()
    for thread in filter(lambda thread: thread.name == "app", threading.enumerate()):
        thread.join()
    os._exit(port.status)

if __name__ == "__main__":
    main()
