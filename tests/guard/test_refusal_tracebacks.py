"""The traceback of a refusal shows the refused call, and one frame of this package."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import pytest

from otel_breaker import CircuitBreaker, CircuitOpenError
from otel_breaker.guard.referenced_names import PREFIX
from tests.guard.entries import ENTRIES, enters, in_a_block
from tests.guard.shapes import DRIVERS, KINDS, Kind

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType

    from otel_breaker.testing import FakeClock


def own_frames(error: BaseException) -> list[str]:
    codes = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    return [code.co_name for code in codes if "/otel_breaker/" in code.co_filename or is_guard(code)]


def is_guard(code: CodeType) -> bool:
    """Whether it is a wrapper that was compiled again, with the parameters of the function that it guards."""
    return any(name.startswith(PREFIX) for name in (*code.co_names, *code.co_freevars, *code.co_varnames))


@pytest.mark.usefixtures("unpatched")
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.target == kind.use], ids=lambda kind: kind.target)
@pytest.mark.parametrize("traced", [False, True], ids=["untraced", "traced"])
@pytest.mark.parametrize("state", ["open", "forced_open"])
def test_a_refusal_shows_one_frame_of_ours(
    kind: Kind,
    entry: Callable[..., Any],
    traced: bool,
    state: str,
    time_of_all: FakeClock,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not enters(kind, entry):
        pytest.skip("there is no such way in")
    function, breaker = entry(kind, "return", monkeypatch)
    if traced:
        request.getfixturevalue("spans")
    if state == "open":
        breaker.record_failure()
    else:
        breaker.force_open()

    with pytest.raises(CircuitOpenError) as caught:
        DRIVERS[kind.family](function, "return")

    frames = own_frames(caught.value)
    ways_in = {"__aenter__", "call"}  # `async with` and `breaker.call` are functions themselves
    assert len([name for name in frames if name not in ways_in]) == 1, frames
    assert entry is not in_a_block or frames[-1] == "__enter__"


@pytest.mark.usefixtures("without_collector")
def test_a_refused_call_keeps_nothing_alive() -> None:
    import weakref  # noqa: PLC0415  # only here

    class Argument:
        pass

    breaker = CircuitBreaker()
    breaker.force_open()

    def refused() -> weakref.ref[Argument]:
        argument = Argument()
        with pytest.raises(CircuitOpenError):
            breaker(lambda argument: argument)(argument)
        return weakref.ref(argument)

    assert refused()() is None
