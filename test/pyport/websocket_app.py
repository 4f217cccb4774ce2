"""A WebSocket echo (RFC 6455) on the standard library alone: gwport_wsgi.py websocket_app:app

As a WSGI app: its blocks are the frames for the client, and `pyport.next` is what the client sends.
It serves HTTP/1.1 and HTTP/2 alike (gwport_wsgi.py says how); there is no key on HTTP/2.
"""
import base64, hashlib, struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PROTOCOL_ERROR, BAD_TEXT, TOO_LARGE, RESTART = 1002, 1007, 1009, 1012
CODES = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}  # that may be sent
MAX_MESSAGE = 1048576

class Failure(Exception):
    """(code): the connection ends with this code."""
def check(good, code):
    if not good:
        raise Failure(code)

def app(environ, start_response):
    version = environ.get("HTTP_SEC_WEBSOCKET_VERSION")
    if environ.get("pyport.upgrade", "").lower() != "websocket" or version != "13":
        start_response("426 Upgrade Required", [
            ("Content-Type", "text/plain"), ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13")])
        return [b"This is a WebSocket of version 13.\n"]
    key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "") + GUID
    accept = base64.b64encode(hashlib.sha1(key.encode("latin-1")).digest()).decode()
    start_response("101 Switching Protocols", [
        ("Content-Type", "-"), ("Connection", "Upgrade"), ("Upgrade", "websocket"),
        ("Sec-WebSocket-Accept", accept)])
    return Socket(environ["pyport.next"]).echo()

def frame(opcode, data):
    size = len(data)
    if size < 126:
        return bytes((128 | opcode, size)) + data
    length = struct.pack(">BH", 126, size) if size < 65536 else struct.pack(">BQ", 127, size)
    return bytes((128 | opcode,)) + length + data

class Socket:
    """Its methods are generators, of what the client is sent meanwhile."""
    def __init__(self, next_bytes):
        self.next_bytes, self.data, self.closing = next_bytes, b"", False
    def echo(self):
        """Ends when the client has closed, or has left."""
        try:
            yield from self.messages()
        except Failure as failure:
            if not self.closing:
                yield frame(CLOSE, struct.pack(">H", *failure.args))
        except EOFError:
            pass
    def messages(self):
        kind, message = CONTINUATION, b""
        while True:
            opcode, final, data = yield from self.read_frame()
            if opcode == CLOSE:
                check(not data or int.from_bytes(data[:2], "big") in CODES, PROTOCOL_ERROR)
                check(is_text(data[2:]), BAD_TEXT)
                if not self.closing:
                    yield frame(CLOSE, data[:2])
                return
            if opcode == PING and not self.closing:
                yield frame(PONG, data)
            if opcode > BINARY:
                continue
            check((opcode == CONTINUATION) == (kind != CONTINUATION), PROTOCOL_ERROR)
            kind, message = kind or opcode, message + data
            check(len(message) <= MAX_MESSAGE, TOO_LARGE)
            if final:
                check(kind == BINARY or is_text(message), BAD_TEXT)
                if not self.closing:
                    yield frame(kind, message)
                kind, message = CONTINUATION, b""
    def read_frame(self):
        first, second = yield from self.take(2)
        opcode, size = first & 15, second & 127
        check(not first & 0x70 and second & 128 and opcode in (0, 1, 2, 8, 9, 10), PROTOCOL_ERROR)
        check(opcode <= BINARY or first & 128 and size < 126, PROTOCOL_ERROR)
        if size > 125:
            size = int.from_bytes((yield from self.take(2 if size == 126 else 8)), "big")
        check(size <= MAX_MESSAGE, TOO_LARGE)
        mask = (yield from self.take(4)) * (size // 4 + 1)
        data = yield from self.take(size)
        plain = int.from_bytes(data, "big") ^ int.from_bytes(mask[:size], "big")
        return opcode, bool(first & 128), plain.to_bytes(size, "big")
    def take(self, size):
        parts, missing = [self.data], size - len(self.data)
        while missing > 0:
            more = self.next_bytes()
            if more is None:  # the program drains: the client has a word of it, and answers that
                self.closing = True
                yield frame(CLOSE, struct.pack(">H", RESTART))
                continue
            if not more:
                raise EOFError
            parts.append(more)
            missing -= len(more)
        data = b"".join(parts)
        self.data = data[size:]
        return data[:size]

def is_text(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
