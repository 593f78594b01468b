"""The shapes of a call: the callee, its arguments and the loop around it, the same for all contenders.

A shape makes of a contender a run to time, and a check that the breaker was in the state that the row measures.
"""

from __future__ import annotations

from itertools import cycle, islice, repeat
from types import FunctionType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.bench.callees import Broken, Client, broken, flaky, items, items_later, work, work_later

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from tests.bench.contender import Contender
    from tests.bench.measure import Run

HOSTS: Final = tuple(f"host-{number}.example" for number in range(100))
"""The keys that calls go round."""
_MOST_FAILURES: Final = 1_000


class Subject(NamedTuple):
    """A run to time, with its check."""

    run: Run
    check: Callable[[], None]
    """Raises AssertionError unless the breaker was in the state that is measured."""


def closed(contender: Contender) -> Subject:
    """Calls that succeed."""
    function = _needed(contender.function)(work)

    def run(calls: int) -> int:
        for _ in repeat(None, calls):
            function(1)
        return calls

    return _checked(run, contender, is_open=False)


def one_in_ten(contender: Contender) -> Subject:
    """Nine calls that succeed and one that fails, repeated."""
    function = _needed(contender.function)(flaky)

    def run(calls: int) -> int:
        tens = -(-calls // 10)
        for _ in repeat(None, tens):
            for _ in repeat(None, 9):
                function(1)
            try:  # noqa: SIM105  # `suppress` would cost more than what is timed
                function(0)
            except Broken:
                pass
        return tens * 10

    return _checked(run, contender, is_open=False)


def refused(contender: Contender) -> Subject:
    """Calls that an open breaker refuses, and whose callers catch the refusal."""
    function, refusal = _needed(contender.function)(broken), contender.refusal
    for _ in range(_MOST_FAILURES):
        try:
            function(1)
        except Exception as error:
            if isinstance(error, refusal) and contender.is_open():
                break

    def run(calls: int) -> int:
        # The callee's exception is not caught: an admitted call must end the benchmark.
        for _ in repeat(None, calls):
            try:  # noqa: SIM105  # as above
                function(1)
            except refusal:
                pass
        return calls

    return _checked(run, contender, is_open=True)


def awaited(contender: Contender) -> Subject:
    """Coroutines that succeed."""
    function = _needed(contender.coroutine)(work_later)

    async def several(calls: int) -> int:
        for _ in repeat(None, calls):
            await function(1)
        return calls

    several = own_code(several)
    return _checked(lambda calls: finish(several(calls)), contender, is_open=False)


def entered(contender: Contender) -> Subject:
    """Blocks that succeed."""
    block = _needed(contender.block)

    def run(calls: int) -> int:
        for _ in repeat(None, calls):
            with block():
                work(1)
        return calls

    return _checked(run, contender, is_open=False)


def iterated(contender: Contender) -> Subject:
    """Generators of ten items, read to their end."""
    function = _needed(contender.generator)(items)

    def run(calls: int) -> int:
        for _ in repeat(None, calls):
            for _ in function(1):
                pass
        return calls

    return _checked(run, contender, is_open=False)


def iterated_later(contender: Contender) -> Subject:
    """Async generators of ten items, read to their end."""
    function = _needed(contender.async_generator)(items_later)

    async def several(calls: int) -> int:
        for _ in repeat(None, calls):
            async for _ in function(1):
                pass
        return calls

    several = own_code(several)
    return _checked(lambda calls: finish(several(calls)), contender, is_open=False)


def called(contender: Contender) -> Subject:
    """Functions that are guarded anew at each call, and succeed."""
    call = _needed(contender.call)

    def run(calls: int) -> int:
        for _ in repeat(None, calls):
            call(work, 1)
        return calls

    return _checked(run, contender, is_open=False)


def method_called(contender: Contender) -> Subject:
    """Coroutine methods that are bound and guarded anew at each call, and succeed."""
    call, client = _needed(contender.call_later), Client()

    async def several(calls: int) -> int:
        for _ in repeat(None, calls):
            await call(client.request, 1)
        return calls

    several = own_code(several)
    return _checked(lambda calls: finish(several(calls)), contender, is_open=False)


def two_step(contender: Contender) -> Subject:
    """Calls that succeed between a permit and its outcome."""
    breaker = _needed(contender.two_step)

    def run(calls: int) -> int:
        for _ in repeat(None, calls):
            permit = breaker.can_execute()
            if permit:
                work(1)
                breaker.record_success(permit)
        return calls

    return _checked(run, contender, is_open=False)


def one_host(contender: Contender) -> Subject:
    """Calls with one argument, which may be a key."""
    return _round(contender, 1)


def ten_hosts(contender: Contender) -> Subject:
    """Calls that go round ten arguments, which may be keys."""
    return _round(contender, 10)


def hundred_hosts(contender: Contender) -> Subject:
    """Calls that go round a hundred arguments, which may be keys."""
    return _round(contender, 100)


def _round(contender: Contender, count: int) -> Subject:
    function, hosts = _needed(contender.function)(work), HOSTS[:count]

    def run(calls: int) -> int:
        for host in islice(cycle(hosts), calls):
            function(host)
        return calls

    return _checked(run, contender, is_open=False)


def entered_by_host(contender: Contender) -> Subject:
    """Blocks that succeed, each of the breaker that is found by one of ten keys."""
    find, hosts = _needed(contender.find), HOSTS[:10]

    def run(calls: int) -> int:
        for host in islice(cycle(hosts), calls):
            with find("bench hosts", key=host).guard():
                work(1)
        return calls

    return _checked(run, contender, is_open=False)


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits; without an event loop, so that none is timed."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("nothing here should wait")


def own_code(function: Any) -> Any:
    """The same function with code of its own, because the interpreter specialises code to the types of its calls."""
    return FunctionType(
        function.__code__.replace(), function.__globals__, function.__name__, None, function.__closure__
    )


def _checked(run: Run, contender: Contender, *, is_open: bool) -> Subject:
    run = own_code(run)

    def check() -> None:
        assert contender.is_open() is is_open, f"{contender.name} is in another state than the row measures"

    run(100)
    check()
    return Subject(run, check)


def _needed(ability: Any) -> Any:
    assert ability is not None, "the row needs an ability that the contender lacks"
    return ability
