"""The table: kinds of callables x endings x states x ways in, and the state that each call must leave.

A row has what the caller sees, the counts, the state after the call, the probes in flight, whether a span is still
current, and the one span of the call. Every row runs with and without tracing, whose paths differ.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import pytest
from opentelemetry import trace

from otel_breaker import CircuitBreaker, CircuitOpenError, CircuitState
from tests.guard.entries import ENTRIES, enters, in_a_block
from tests.guard.shapes import DRIVERS, KINDS, Broken, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_breaker.testing import FakeClock
    from tests.conftest import Spans

OUTCOMES = {
    "return": "success",
    "raise": "failure",
    "cancel": "cancelled",  # the task, or a key pressed
    "close": "success",  # of a stream, by its consumer, who has had an item
    "abandon": "success",  # the same, by dropping it
    "throw": "failure",  # what a stream's consumer throws into it is its own; not so what a block raises
}
ENDINGS = {
    "function": ["return", "raise", "cancel"],
    "awaitable": list(OUTCOMES),
    "generator": list(OUTCOMES),
    "async_generator": list(OUTCOMES),
    "context": ["return", "raise", "cancel", "abandon", "throw"],
    "async_context": ["return", "raise", "cancel", "abandon", "throw"],
}
STREAMS = ("generator", "async_generator")
SEEN = {"return": "answer", "raise": "Broken", "throw": "Broken", "cancel": "cancelled", "close": None, "abandon": None}

# The state after a call: of the state before, and the outcome.
AFTER = {
    ("closed", "success"): "closed",
    ("closed", "failure"): "open",  # the threshold is 1
    ("closed", "cancelled"): "closed",
    ("closed", "ignored"): "closed",
    ("half_open", "success"): "closed",
    ("half_open", "failure"): "open",
    ("half_open", "cancelled"): "half_open",
    ("half_open", "ignored"): "half_open",
    ("forced_closed", "success"): "forced_closed",
    ("forced_closed", "failure"): "forced_closed",
    ("forced_closed", "cancelled"): "forced_closed",
    ("forced_closed", "ignored"): "forced_closed",
    ("open", "rejected"): "open",
    ("forced_open", "rejected"): "forced_open",
}
ADMITTING, REFUSING = ["closed", "half_open", "forced_closed"], ["open", "forced_open"]
UNSET, ERROR = "UNSET", "ERROR"


class Case(NamedTuple):
    kind: Kind
    ending: str
    state: str
    entry: Callable[..., tuple[Callable[[str], object], CircuitBreaker]]

    def __str__(self) -> str:
        return f"{self.kind.target}-{self.ending}-{self.state}-{self.entry.__name__}"

    @property
    def outcome(self) -> str:
        if self.state in REFUSING:
            return "rejected"
        # A block sees only GeneratorExit, which stops it, and an awaitable that is dropped has given nothing.
        stopped = self.ending in ("close", "abandon") and (self.entry is in_a_block or self.kind.family == "awaitable")
        if self.ending == "throw" and self.kind.family in STREAMS and self.entry is not in_a_block:
            return "ignored"
        return "cancelled" if stopped else OUTCOMES[self.ending]


class Left(NamedTuple):
    """What a call leaves."""

    seen: object
    counts: dict[str, int]
    state: str
    probes_in_flight: int
    a_span_is_current: bool
    spans: list[tuple[object, object, object, str]]
    """State at admission, outcome, error type, status."""


ADMITTED = [
    Case(kind, ending, state, entry)
    for kind in KINDS
    for ending, state, entry in product(ENDINGS[kind.family], ADMITTING, ENTRIES)
    if enters(kind, entry)
]
REFUSED = [
    Case(kind, "return", state, entry)
    for kind, state, entry in product(KINDS, REFUSING, ENTRIES)
    if enters(kind, entry)
]


@pytest.mark.usefixtures("unpatched")
@pytest.mark.parametrize("traced", ["traced", "plain"])
@pytest.mark.parametrize("case", [*ADMITTED, *REFUSED], ids=str)
def test_a_call_leaves_what_it_must(
    case: Case,
    traced: str,
    time_of_all: FakeClock,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    function, breaker = case.entry(case.kind, case.ending, monkeypatch)
    bring(breaker, case.state, time_of_all)
    spans: Spans | None = request.getfixturevalue("spans") if traced == "traced" else None
    before = breaker.snapshot().calls

    seen = use(function, case)

    assert left_by(breaker, seen, before, spans) == expected(case, is_traced=spans is not None)


def bring(breaker: CircuitBreaker, state: str, clock: FakeClock) -> None:
    """Bring a circuit into a state; into half-open the call brings it that comes next."""
    if state == "forced_open":
        breaker.force_open()
    elif state == "forced_closed":
        breaker.force_closed()
    elif state != "closed":
        breaker.record_failure()
        assert breaker.state is CircuitState.OPEN
        clock.advance(10 if state == "half_open" else 9)


def use(function: Callable[[str], object], case: Case) -> object:
    """What the caller sees."""
    try:
        return DRIVERS[case.kind.family](function, case.ending)
    except (Broken, CircuitOpenError) as error:
        return type(error).__name__
    except BaseException as error:
        if case.ending == "cancel" and not isinstance(error, Exception):
            return "cancelled"
        raise


def left_by(breaker: CircuitBreaker, seen: object, before: Mapping[str, int], spans: Spans | None) -> Left:
    snapshot = breaker.snapshot()
    shown: list[tuple[object, object, object, str]] = []
    for span in spans() if spans is not None else ():
        attributes = dict(span.attributes or {})
        values = [attributes.get(f"circuit_breaker.{name}") for name in ("state", "call.outcome")]
        shown.append((values[0], values[1], attributes.get("error.type"), span.status.status_code.name))
    return Left(
        seen,
        {outcome: count - before[outcome] for outcome, count in snapshot.calls.items() if count != before[outcome]},
        snapshot.state.value,
        snapshot.probes_in_flight,
        trace.get_current_span() is not trace.INVALID_SPAN,
        shown,
    )


def expected(case: Case, *, is_traced: bool) -> Left:
    outcome = case.outcome
    errors = {
        "failure": (f"{Broken.__module__}.Broken", ERROR),
        "ignored": (f"{Broken.__module__}.Broken", ERROR),
        "rejected": ("otel_breaker.errors.CircuitOpenError", ERROR),
    }
    error_type, status = errors.get(outcome, (None, UNSET))
    return Left(
        seen="CircuitOpenError" if outcome == "rejected" else SEEN[case.ending],
        counts={outcome: 1},
        state=AFTER[case.state, outcome],
        probes_in_flight=0,
        a_span_is_current=False,
        spans=[(case.state, outcome, error_type, status)] if is_traced else [],
    )
