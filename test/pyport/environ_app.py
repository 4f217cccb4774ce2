"""A WSGI app that answers with its environ, a line a variable, as test/environport has them in Go.

Started by hand, environ_app.py VECTORS, it holds make_environ to test/vectors/environ.txt.
"""
import sys
import gwport_wsgi

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"".join(b"%s %s %s\n" % tuple(part.encode() for part in line) for line in lines(environ))]

def lines(environ):
    for key, value in environ.items():
        kind, shown = kind_of(value)
        yield key.encode("latin-1").hex(), kind, shown.encode("latin-1").hex()

def kind_of(value):
    if isinstance(value, str):
        return "text", value
    if isinstance(value, bool):
        return "flag", str(value).lower()
    if isinstance(value, tuple):
        return "pair", ".".join(map(str, value))
    return "object", ""

class Stream(gwport_wsgi.Stream):
    """As much of a stream as an environ is made of."""
    def __init__(self, request):
        self.request, self.upgrade, self.tunnel, self.over = request, False, False, None

def wanted(env):
    """What the vectors say, in WSGI's words: native strings, keys of its own, and no raw paths."""
    version, scheme = env.pop(b"gwport.version"), env.pop(b"gwport.url_scheme")
    del env[b"gwport.script_name"], env[b"gwport.path_info"]
    return {key.decode("latin-1"): value.decode("latin-1") for key, value in env.items()} | {
        "wsgi.version": version, "wsgi.url_scheme": scheme.decode("latin-1")}

def main(file):
    name, request, count = None, None, 0
    with open(file, encoding="ascii") as text:
        for line in text:
            key, _, value = line.rstrip("\n").partition(": ")
            if key == "case":
                name = value
            elif key == "open":
                request = gwport_wsgi.decode(bytes.fromhex(value), dict)
            elif key == "env":
                got = gwport_wsgi.make_environ(Stream(request))
                want = wanted(gwport_wsgi.decode(bytes.fromhex(value), dict))
                kept = {key: value for key, value in got.items() if key in want or key.isupper()}
                assert kept == want, f"{name}: {kept}, expected {want}"
                count += 1
    print(f"{count} environs are those of the vectors")

if __name__ == "__main__":
    main(sys.argv[1])
