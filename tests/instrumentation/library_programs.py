"""A program that uses an HTTP library in many ways against a server of its own, and prints its observations.

`python -m tests.instrumentation.library_programs requests guarded` does so with every function and method of the
library guarded; without `guarded` unguarded. Both must print the same.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from otel_breaker import breakers
from otel_breaker_instrumentation import OtelBreakerInstrumentor, Status, report
from tests.instrumentation.observations import seen


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path = self.path.partition("?")[0]
        if path == "/redirect":
            self.answer(302, Location="/echo")
        elif path == "/cookie":
            self.answer(200, b"{}", Set_Cookie="flavour=oat", Content_Type="application/json")
        elif path == "/slow":
            time.sleep(0.5)
            self.answer(200)
        elif path == "/teapot":
            self.answer(418, b"short and stout")
        elif path == "/stream":
            self.answer(200, b"line one\nline two\nline three")
        elif path == "/broken":
            self.close_connection = True
            self.connection.close()
        elif path == "/auth" and "Authorization" not in self.headers:
            self.answer(401, WWW_Authenticate='Basic realm="shop"')
        else:
            headers = {name: self.headers.get(name) for name in ("Cookie", "X-Mark", "Authorization", "Content-Type")}
            echo = {"method": self.command, "path": self.path, "body": len(body), **headers}
            self.answer(200, json.dumps(echo).encode(), Content_Type="application/json; charset=utf-8")


for method in ("POST", "PUT", "DELETE"):
    setattr(Handler, f"do_{method}", Handler.do_GET)


def modules_of(library: str) -> list[str]:
    """The names of all its modules; none is imported."""
    spec = importlib.util.find_spec(library)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    paths = [path.relative_to(folder.parent).with_suffix("") for path in sorted(folder.rglob("*.py"))]
    return [".".join(path.parts).removesuffix(".__init__") for path in paths]


def main(library: str, how: str) -> None:
    if how == "guarded":
        patterns = [f"{module}:{part}" for module in modules_of(library) for part in ("*", "*.*", "_*", "*._*")]
        targets = [{"function": pattern} for pattern in patterns]
        OtelBreakerInstrumentor().instrument(targets=targets, defaults={"failure_threshold": 1000})
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    users = importlib.import_module(f"tests.instrumentation.users_of_{library}")
    users.look(f"http://127.0.0.1:{server.server_address[1]}", "http://127.0.0.1:1")
    server.shutdown()
    server.server_close()
    called = sum(breaker.snapshot().calls["success"] for breaker in breakers())
    result = {"seen": seen, "guarded": report().counts[Status.GUARDED], "called": called}
    print(json.dumps(result))  # noqa: T201  # it is a program


if __name__ == "__main__":
    main(*sys.argv[1:])
