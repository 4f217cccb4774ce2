"""The demo's app in Python: the environ that it is given, a line a variable. test/pyport/gwport_wsgi.py runs it."""

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"{key}: {value!r}\n".encode() for key, value in sorted(environ.items())]
