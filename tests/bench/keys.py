"""How the cost of a new key grows with the circuits that are open."""

from __future__ import annotations

from itertools import count, islice
from typing import TYPE_CHECKING, Final

from otel_breaker import get_breaker
from tests.bench.results import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.measure import Run, Stopwatch

_KEYS: Final = 1_000
_MORE_KEYS: Final = 10_000_000  # a `max_keys` that is never reached
_BAR: Final = 1.5
_GOAL: Final = 1.1
_NAMES: Final = (f"bench new keys {number}" for number in count())


def asked_first(section: str, watch: Stopwatch, rounds: int) -> Iterator[Result]:
    """A key is asked for the first time, while the circuits of a thousand others are open."""
    for name, max_keys in ((f"max_keys: {_KEYS:,}", _KEYS), ("room for more", _MORE_KEYS)):
        ratio = watch.compare(_asked(max_keys, are_open=True), _asked(max_keys, are_open=False), rounds)
        yield Result(
            section,
            f"new key, {_KEYS:,} circuits open, {name}",
            "none open",
            ratio.median,
            "x",
            _BAR,
            _GOAL,
            ratio.low,
            ratio.high,
            ratio.subject,
            ratio.reference,
        )


def _asked(max_keys: int, *, are_open: bool) -> Run:
    name, keys = next(_NAMES), (f"key {number}" for number in count())
    for key in islice(keys, _KEYS):
        breaker = get_breaker(
            name, key=key, max_keys=max_keys, recovery_time=3600, recovery_time_max=3600, failure_threshold=1
        )
        if are_open:
            breaker.record_failure()

    def run(calls: int) -> int:
        for key in islice(keys, calls):
            get_breaker(name, key=key)
        return calls

    return run
