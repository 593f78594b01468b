from pathlib import Path

import pytest
from opentelemetry.exporter.otlp.json.file.trace_exporter import FileSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.util.types import AttributeValue

from examples.checkout import otlp


def test_a_span_is_read_with_its_parent_kind_and_duration(traces: Path) -> None:
    call, request, *_ = otlp.read_spans(traces)
    assert (request.name, request.kind, request.parent_id, request.seconds) == ("POST /checkout", "server", "", 1.0)
    assert (call.name, call.kind, call.parent_id, call.seconds) == (
        "circuit_breaker payments",
        "internal",
        request.span_id,
        0.5,
    )
    assert call.trace_id == request.trace_id


def test_a_failed_span_is_told_from_one_without_a_status(traces: Path) -> None:
    call, request, *_ = otlp.read_spans(traces)
    assert call.failed
    assert not request.failed


def test_a_link_names_the_span_it_leads_to(traces: Path) -> None:
    trip, _, refused, *_ = otlp.read_spans(traces)
    assert refused.links == (otlp.Link(trip.trace_id, trip.span_id),)


def test_an_event_is_read_with_its_time_and_attributes(traces: Path) -> None:
    trip = otlp.read_spans(traces)[0]
    [event] = trip.events
    assert event.name == "circuit_breaker.state_change"
    assert event.attributes["circuit_breaker.state_change.to"] == "open"
    assert trip.start < event.time < trip.end


@pytest.mark.parametrize("value", ["text", "", 0, 2**62, 1.5, True, False, ["a", "b"], [1, 2]])
def test_an_attribute_keeps_its_type(tmp_path: Path, value: AttributeValue) -> None:
    file = tmp_path / "traces.jsonl"
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(FileSpanExporter(file)))
    provider.get_tracer("test").start_span("span", attributes={"key": value}).end()
    provider.shutdown()
    [span] = otlp.read_spans(file)
    assert span.attributes["key"] == value
    assert type(span.attributes["key"]) is type(value)


def test_points_of_a_counter_are_read_in_the_order_written_and_histograms_left_out(metrics: Path) -> None:
    points = otlp.read_points(metrics)
    assert {point.metric for point in points} == {"circuit_breaker.calls"}
    assert [point.value for point in points if point.attributes["circuit_breaker.call.outcome"] == "rejected"] == [1, 3]


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.touch()
    assert otlp.read_spans(file) == []
    assert otlp.read_points(file) == []
