"""Asks a server of its own with a client whose functions are guarded by configuration; prints what the breaker did."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import requests
import urllib3

from otel_breaker import breakers

REQUESTS = 3
EXPORTS = 1.0
"""Seconds for exporters to do their part."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def ask(url: str) -> None:
    with suppress(requests.RequestException, urllib3.exceptions.HTTPError), requests.Session() as session:
        session.trust_env = False
        session.get(url)


if __name__ == "__main__":
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for _ in range(REQUESTS):
            ask(f"http://127.0.0.1:{server.server_port}")
        time.sleep(EXPORTS)
        server.shutdown()
    for breaker in breakers():
        calls = breaker.snapshot().calls
        print(breaker.name, breaker.state.value, calls["success"], sum(calls.values()))
