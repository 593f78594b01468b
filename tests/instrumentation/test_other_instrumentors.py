"""Another instrumentor of the same functions, put in place and taken away before and after ours, in every order.

Everything is restored when the first instrumentor is removed last. In the other orders OpenTelemetry's instrumentors
remove the outermost wrapper, of any instrumentor; then the report shows what is still guarded, and that is guarded.
"""

from __future__ import annotations

import threading
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests
import urllib3
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor

from otel_breaker import get_breaker
from otel_breaker_instrumentation import Status, report
from tests.instrumentation.library_programs import Handler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from otel_breaker_instrumentation import OtelBreakerInstrumentor
    from tests.conftest import Spans

pytestmark = pytest.mark.processes


class Library:
    """A library with its instrumentor, and the one function that both wrap."""

    def __init__(self, instrumentor: Any, owner: type, method: str, function: str, call: Callable[[str], int]) -> None:
        self.theirs = instrumentor
        self.owner = owner
        self.method = method
        self.function = function
        self.call = call

    @property
    def held(self) -> object:
        return vars(self.owner)[self.method]


LIBRARIES = {
    "requests": Library(
        RequestsInstrumentor(),
        requests.Session,
        "send",
        "requests.sessions:Session.send",
        lambda url: requests.get(url, timeout=5).status_code,
    ),
    "httpx": Library(
        HTTPXClientInstrumentor(),
        httpx.HTTPTransport,
        "handle_request",
        "httpx._transports.default:HTTPTransport.handle_request",
        lambda url: httpx.get(url).status_code,
    ),
    "urllib3": Library(
        URLLib3Instrumentor(),
        urllib3.HTTPConnectionPool,
        "urlopen",
        "urllib3.connectionpool:HTTPConnectionPool.urlopen",
        lambda url: urllib3.request("GET", url).status,
    ),
}
RESTORED = ["t+ o+ o- t-", "o+ t+ t- o-", "t+ t- o+ o-", "o+ o- t+ t-", "o+ t+ t- t+ t- o-", "t+ o+ o- o+ o- t-"]
CROSSED = ["t+ o+ t- o-", "o+ t+ o- t-", "t+ o+ t- t+ o- t-", "o+ t+ o- o+ o- t-"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/echo"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> Iterator[Library]:
    library = LIBRARIES[request.param]
    original = library.held
    yield library
    if library.theirs.is_instrumented_by_opentelemetry:
        library.theirs.uninstrument()
    setattr(library.owner, library.method, original)


@pytest.fixture
def take(instrumentor: OtelBreakerInstrumentor, library: Library) -> Callable[[str], None]:
    """Puts ours or theirs in place, or takes it away."""

    def take(step: str) -> None:
        if step == "o+":
            instrumentor.instrument(targets=[{"function": library.function}])
        elif step == "o-":
            instrumentor.uninstrument()
        elif step == "t+":
            library.theirs.instrument()
        else:
            library.theirs.uninstrument()

    return take


def counted(library: Library, url: str) -> int:
    """How often the breaker counts one call."""
    before = get_breaker(library.function).snapshot().calls["success"]
    assert library.call(url) == 200
    return get_breaker(library.function).snapshot().calls["success"] - before


@pytest.mark.usefixtures("spans")
@pytest.mark.parametrize("steps", [*RESTORED, *CROSSED])
def test_at_each_step_a_call_is_guarded_once_when_it_is_reported_as_guarded_and_else_not(
    library: Library, server: str, take: Callable[[str], None], steps: str
) -> None:
    for step in steps.split():
        take(step)

        statuses = [line.status for line in report()]
        assert counted(library, server) == statuses.count(Status.GUARDED), step

    assert report() == ()


@pytest.mark.parametrize("steps", RESTORED)
def test_when_the_first_to_come_goes_last_everything_is_as_it_was(
    library: Library, take: Callable[[str], None], steps: str
) -> None:
    original = library.held

    for step in steps.split():
        take(step)

    assert library.held is original


@pytest.mark.parametrize("steps", ["o+ t+", "t+ o+"])
def test_both_do_their_work(
    library: Library, server: str, take: Callable[[str], None], spans: Spans, steps: str
) -> None:
    for step in steps.split():
        take(step)

    assert counted(library, server) == 1

    names = [span.name for span in spans()]
    assert f"circuit_breaker {library.function}" in names
    assert "GET" in names


def test_a_wrapper_of_theirs_under_our_guard_is_put_back_as_it_was(
    library: Library, take: Callable[[str], None]
) -> None:
    take("t+")
    theirs = library.held

    take("o+")
    assert library.held is not theirs
    take("o-")

    assert library.held is theirs
