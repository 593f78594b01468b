"""`events`: whether a state change is an event of the span of its call, a log event, or both."""

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
    """The number of log events that a real SDK has received."""
    exporter = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", provider)
    yield lambda: len(exporter.get_finished_logs())
    provider.shutdown()


def trip() -> None:
    with pytest.raises(TimeoutError), CircuitBreaker("payments", failure_threshold=1).guard():
        raise TimeoutError


@pytest.mark.parametrize(("events_setting", "is_expected"), ON_SPAN)
@pytest.mark.parametrize("spans_setting", ["all", "problems"])
def test_a_state_change_is_an_event_of_the_span(
    events_setting: Any, spans_setting: Any, spans: Spans, *, is_expected: bool
) -> None:
    configure(events=events_setting, spans=spans_setting)

    trip()

    assert [event.name for event in spans.last().events] == ["circuit_breaker.state_change"] * is_expected


@pytest.mark.parametrize("events_setting", ["span", "log", "both"])
def test_the_call_that_changed_the_state_can_always_be_found(events_setting: Any, spans: Spans) -> None:
    configure(events=events_setting)

    trip()

    assert (spans.last().attributes or {})["circuit_breaker.state_change.to"] == "open"


@pytest.mark.parametrize(("events_setting", "is_expected"), AS_LOG)
def test_a_state_change_is_a_log_event(events_setting: Any, logged: Callable[[], int], *, is_expected: bool) -> None:
    configure(events=events_setting)

    trip()

    assert logged() == is_expected


@pytest.mark.parametrize(("events_setting", "is_expected"), AS_LOG)
def test_without_a_pipeline_for_logs_a_state_change_goes_to_logging(
    events_setting: Any, caplog: pytest.LogCaptureFixture, *, is_expected: bool
) -> None:
    configure(events=events_setting)

    trip()

    assert len(caplog.records) == is_expected


def test_an_existing_breaker_follows_a_change_of_the_setting(logged: Callable[[], int]) -> None:
    breaker = CircuitBreaker("payments")

    breaker.force_open()
    configure(events="span")
    breaker.reset()
    configure(events="both")
    breaker.force_open()

    assert logged() == 2
