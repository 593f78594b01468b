"""The comparisons: each row has a subject, a reference, a bar that it must keep, and a goal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from tests.bench import byhand, ours, peers, shapes
from tests.bench.contender import Contender
from tests.bench.measure import Stopwatch
from tests.bench.results import Result
from tests.bench.sdks import Sdk, set_up
from tests.bench.shapes import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator

Shape: TypeAlias = Callable[[Contender], Subject]
Maker: TypeAlias = Callable[[], Contender]

BARS: Final = "Bars"
_AGAIN: Final = 5  # times as many rounds for a row that misses its bar
_ABILITIES: Final[dict[Shape, str]] = {
    shapes.closed: "function",
    shapes.one_in_ten: "function",
    shapes.refused: "function",
    shapes.awaited: "coroutine",
    shapes.entered: "block",
    shapes.iterated: "generator",
    shapes.iterated_later: "async_generator",
    shapes.called: "call",
    shapes.method_called: "call_later",
}


@dataclass(frozen=True)
class Row:
    """One comparison.

    Without a reference, the fastest peer is the reference, which is found by measuring.
    """

    section: str
    name: str
    shape: Shape
    subject: Maker
    reference: Maker | None
    """None for the fastest peer that has the ability."""
    bar: float | None = None
    goal: float | None = None
    sdk: Sdk = Sdk.NONE
    against: Shape | None = None
    """The shape of the reference, where it is another."""


def _bars() -> Iterator[Row]:
    """The rows with bars, as the design promises them."""

    def row(
        name: str, shape: Shape, subject: Maker, reference: Maker | None, bar: float, goal: float, **more: Any
    ) -> Row:
        return Row(BARS, name, shape, subject, reference, bar, goal, **more)

    mine = ours.ours
    yield row("closed", shapes.closed, mine, byhand.pass_through, 2.0, 1.65)
    yield row("closed", shapes.closed, mine, None, 0.45, 0.33)
    yield row("one failure in ten", shapes.one_in_ten, mine, None, 0.9, 0.6)
    yield row("guard() block", shapes.entered, mine, peers.nopanic, 0.6, 0.3)
    yield row("async closed", shapes.awaited, mine, None, 0.7, 0.4)
    yield row("time window", shapes.closed, ours.time_window, peers.nopanic, 0.5, 0.25)
    yield row("slow-call rule", shapes.closed, ours.slow_calls, byhand.pass_through, 6.0, 4.0)
    yield row("max_in_flight: 100", shapes.closed, ours.limited, ours.slow_calls, 1.15, 1.1)
    yield row("max_in_flight: auto", shapes.closed, ours.limited_by_itself, ours.slow_calls, 1.15, 1.1)
    yield row("refused", shapes.refused, mine, None, 1.0, 0.8)
    yield row("generator of ten items", shapes.iterated, mine, None, 1.0, 0.8)
    yield row("async generator of ten items", shapes.iterated_later, mine, None, 1.0, 0.8)
    yield row("call(function, x)", shapes.called, mine, None, 0.9, 0.6)
    yield row("await call(self.method, x)", shapes.method_called, mine, None, 1.2, 0.8)
    yield row("can_execute, record_success", shapes.two_step, mine, mine, 4.0, 3.0, against=shapes.closed)
    yield row("key by template, ten keys", shapes.ten_hosts, ours.by_template, mine, 3.0, 2.0)
    yield row("key by function, ten keys", shapes.ten_hosts, ours.by_key_function, mine, 2.0, 1.5)
    yield row(
        "get_breaker() block, ten keys", shapes.entered_by_host, ours.by_name, mine, 1.5, 1.2, against=shapes.entered
    )
    yield row("traced closed", shapes.closed, mine, byhand.span, 1.0, 0.95, sdk=Sdk.SAMPLED)
    yield row("traced async closed", shapes.awaited, mine, byhand.span, 1.0, 0.95, sdk=Sdk.SAMPLED)
    yield row("traced guard() block", shapes.entered, mine, byhand.span, 1.0, 0.95, sdk=Sdk.SAMPLED)
    yield row(
        "traced key by template", shapes.ten_hosts, ours.by_template, byhand.span_with_key, 1.0, 0.95, sdk=Sdk.SAMPLED
    )
    yield row("traced closed", shapes.closed, mine, byhand.span_and_counter, 0.8, 0.6, sdk=Sdk.SAMPLED)
    yield row("traced refusal with its link", shapes.refused, mine, byhand.error_span, 1.2, 1.0, sdk=Sdk.SAMPLED)
    yield row("patched by configuration", shapes.closed, ours.patched, mine, 1.15, 1.0)


_SHAPES: Final[tuple[tuple[str, Shape, Maker], ...]] = (
    ("closed", shapes.closed, ours.ours),
    ("async closed", shapes.awaited, ours.ours),
    ("guard() block", shapes.entered, ours.ours),
    ("generator of ten items", shapes.iterated, ours.ours),
    ("async generator of ten items", shapes.iterated_later, ours.ours),
    ("refused", shapes.refused, ours.ours),
    ("one failure in ten", shapes.one_in_ten, ours.ours),
    ("time window", shapes.closed, ours.time_window),
    ("slow-call rule", shapes.closed, ours.slow_calls),
    ("patched by configuration", shapes.closed, ours.patched),
)


def _every_shape() -> Iterator[Row]:
    """Each shape with each SDK, against the same without a breaker."""
    for sdk in Sdk:
        untraced = sdk in (Sdk.NONE, Sdk.OFF)
        for name, shape, subject in _SHAPES:
            if shape is shapes.refused:
                reference = byhand.error if untraced else byhand.error_span
            else:
                reference = byhand.pass_through if untraced else byhand.span
            yield Row(f"Every shape: {sdk.value}", name, shape, subject, reference, sdk=sdk)


def _against_peers() -> Iterator[Row]:
    """Each shape against the fastest peer that has it."""
    for name, shape, subject in _SHAPES:
        yield Row("Every shape: against the fastest peer", name, shape, subject, None)


def _keys() -> Iterator[Row]:
    """Calls that choose their breaker, against calls of one breaker, by the number of keys that they go round."""
    for keys, shape in (("one key", shapes.one_host), ("100 keys", shapes.hundred_hosts)):
        yield Row("Keys", f"key by template, {keys}", shape, ours.by_template, ours.ours)


ROWS: Final = (*_bars(), *_every_shape(), *_against_peers(), *_keys())


def measure(row: Row, rounds: int, sample: float) -> Result:
    """Time one row, again with more rounds if it misses its bar."""
    with set_up(row.sdk) as settle:
        watch = Stopwatch(sample=sample, between=settle)
        subject = row.shape(row.subject())
        make = row.reference or _fastest_peer(row.shape, watch, rounds)
        contender = make()
        reference = (row.against or row.shape)(contender)
        ratio = watch.compare(subject.run, reference.run, rounds)
        if row.bar is not None and ratio.median > row.bar:
            ratio = watch.compare(subject.run, reference.run, rounds * _AGAIN)
        subject.check()
        reference.check()
    return Result(
        row.section,
        row.name,
        contender.name,
        ratio.median,
        "x",
        row.bar,
        row.goal,
        ratio.low,
        ratio.high,
        ratio.subject,
        ratio.reference,
    )


def _fastest_peer(shape: Shape, watch: Stopwatch, rounds: int) -> Maker:
    makers = {make.__name__: make for make in peers.able_to(_ABILITIES[shape])}
    runs = {name: shape(make()).run for name, make in makers.items()}
    return makers[next(iter(watch.rank(runs, max(3, rounds // 10))))]
