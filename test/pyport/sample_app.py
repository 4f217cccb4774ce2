"""A WSGI app with a route for each thing that gwport_python_SUITE asks of one."""
import hashlib, threading

GONE = {}  # by tag: an event, set when the response of that tag has been given up

def app(environ, start_response):
    name, _, rest = environ["PATH_INFO"][1:].partition("/")
    status, blocks = ROUTES.get(name, not_found)(environ, rest)
    headers = [] if status.startswith("204") else [("Content-Type", "text/plain")]
    start_response(status, headers)
    return blocks

def not_found(environ, rest):
    return "404 Not Found", [b"no such route\n"]
def hello(environ, rest):
    return "200 OK", [f"hello from {environ['SERVER_PROTOCOL']}\n".encode()]
def lines(environ, rest):
    """Gives each line back before it reads the next."""
    return "200 OK", iter(environ["wsgi.input"].readline, b"")
def digest(environ, rest):
    """The SHA-256 of what is sent, and how much that was."""
    sha, size = hashlib.sha256(), 0
    while data := environ["wsgi.input"].read(65536):
        sha.update(data)
        size += len(data)
    return "200 OK", [f"{sha.hexdigest()} {size}\n".encode()]
def download(environ, rest):
    """So many bytes, each block of 50,000 of them another."""
    def blocks():
        for start in range(0, int(rest), 50000):
            yield bytes(((start // 50000) % 256,)) * min(50000, int(rest) - start)
    return "200 OK", blocks()
def endless(environ, rest):
    """Writes until its client has left, and tells /gone."""
    event = GONE.setdefault(rest, threading.Event())
    def blocks():
        try:
            while True:
                yield b"tick\n" * 1000
        finally:
            event.set()
    return "200 OK", blocks()
def waiting(environ, rest):
    """Begins, and ends when its client has left, of which pyport.over tells."""
    event = GONE.setdefault(rest, threading.Event())
    def blocks():
        yield b"begun\n"
        environ["pyport.over"].wait()
        event.set()
    return "200 OK", blocks()
def gone(environ, rest):
    left = GONE.setdefault(rest, threading.Event()).wait(20)
    return "200 OK", [b"gone\n" if left else b"still there\n"]
def environ_of(environ, rest):
    """What the app has been told of its request: a line a variable, in hexadecimal digits."""
    told = [(key, value) for key, value in environ.items() if isinstance(value, str)]
    return "200 OK", [b"".join(b"%s %s\n" % tuple(text.encode("latin-1").hex().encode() for text in pair)
                               for pair in told)]
def fail(environ, rest):
    raise RuntimeError("sample_app: this route fails")
def fail_late(environ, rest):
    """Fails when it is sent a line, which is when its client has the head."""
    def blocks():
        yield b"so far"
        environ["wsgi.input"].readline()
        raise RuntimeError("sample_app: this route fails late")
    return "200 OK", blocks()
def invalid(environ, rest):
    """Not WSGI, as wsgiref.validate knows: read() has an argument there."""
    return "200 OK", [environ["wsgi.input"].read()]
def empty(environ, rest):
    return "204 No Content", []

ROUTES = {
    "": hello, "lines": lines, "digest": digest, "download": download, "endless": endless,
    "waiting": waiting, "gone": gone, "fail": fail, "fail-late": fail_late, "invalid": invalid,
    "empty": empty, "environ": environ_of}
