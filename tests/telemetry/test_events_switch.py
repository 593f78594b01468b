"""`events`: whether a state change is told on the span of the call that caused it, as a log event, or both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import _logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from otel_breaker import CircuitBreaker, configure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Spans

ON_SPAN = [("span", True), ("log", False), ("both", True)]
AS_LOG = [("span", False), ("log", True), ("both", True)]


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """How many log events a real SDK was given."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", provider)
    yield lambda: len(exporter.get_finished_logs())
    provider.shutdown()


def trip() -> None:
    with pytest.raises(TimeoutError), CircuitBreaker("payments", failure_threshold=1).guard():
        raise TimeoutError


@pytest.mark.parametrize(("switch", "told"), ON_SPAN)
@pytest.mark.parametrize("spans_switch", ["all", "problems"])
def test_a_move_is_told_on_the_span(switch: Any, spans_switch: Any, spans: Spans, *, told: bool) -> None:
    configure(events=switch, spans=spans_switch)

    trip()

    assert [event.name for event in spans.last().events] == ["circuit_breaker.state_change"] * told


@pytest.mark.parametrize("switch", ["span", "log", "both"])
def test_the_call_that_moved_the_circuit_can_always_be_found(switch: Any, spans: Spans) -> None:
    configure(events=switch)

    trip()

    assert (spans.last().attributes or {})["circuit_breaker.state_change.to"] == "open"


@pytest.mark.parametrize(("switch", "told"), AS_LOG)
def test_a_move_is_told_as_a_log_event(switch: Any, logged: Callable[[], int], *, told: bool) -> None:
    configure(events=switch)

    trip()

    assert logged() == told


@pytest.mark.parametrize(("switch", "told"), AS_LOG)
def test_without_a_pipeline_for_logs_a_move_is_told_to_logging(
    switch: Any, caplog: pytest.LogCaptureFixture, *, told: bool
) -> None:
    configure(events=switch)

    trip()

    assert len(caplog.records) == told


def test_a_breaker_that_exists_follows_the_switch(logged: Callable[[], int]) -> None:
    breaker = CircuitBreaker("payments")

    breaker.force_open()
    configure(events="span")
    breaker.reset()
    configure(events="both")
    breaker.force_open()

    assert logged() == 2
