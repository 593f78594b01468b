"""The place of a guarded call in its caller's trace, for every setting of the SDK: callers and callees stay linked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.instrumented import run
from tests.end_to_end.otlp_receiver import GRPC, HTTP, receiving
from tests.end_to_end.programs.context import CALLER, ENTRIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.end_to_end.otlp_records import Span

pytestmark = pytest.mark.processes

_, TRACE, PARENT, SAMPLED = CALLER.split("-")
RESULTS = ["returned"] * 4 + ["raised", "refused"]


def served(more: Mapping[str, str], protocol: str = HTTP) -> tuple[list[dict[str, str]], list[Span]]:
    """The trace contexts within calls of all kinds, and the spans that have arrived."""
    more = {**more, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    with receiving(protocol) as received:
        printed = run("context", *ENTRIES, endpoint=received.url, more=more)
    return [json.loads(line) for line in printed.splitlines()], received.spans


@pytest.mark.parametrize("protocol", [HTTP, GRPC])
def test_what_a_guarded_call_asks_for_hangs_under_its_span_and_that_under_the_caller(protocol: str) -> None:
    calls, spans = served({}, protocol)

    assert [call["result"] for call in calls] == RESULTS
    assert [f"00-{TRACE}-{span.span_id.hex()}-01" for span in spans[:-1]] == [call["within"] for call in calls[:-1]]
    assert {(span.trace_id.hex(), span.parent_id.hex()) for span in spans} == {(TRACE, PARENT)}
    assert {call["after"] for call in calls} == {CALLER}


@pytest.mark.parametrize(
    "more",
    [
        {"OTEL_TRACES_SAMPLER": "always_off"},
        {"OTEL_TRACES_SAMPLER": "parentbased_always_on"},
        {"OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_SDK_DISABLED": "true"},
        {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "otel_breaker"},
        {"OTEL_PROPAGATORS": "tracecontext"},
    ],
    ids=lambda more: " ".join(f"{name}={value}" for name, value in more.items()),
)
def test_the_callers_trace_goes_on_through_a_guarded_call_and_is_the_callers_again_after_it(
    more: dict[str, str],
) -> None:
    calls, _ = served(more)

    assert [call["result"] for call in calls] == RESULTS
    assert {call["within"].split("-")[1] for call in calls[:-1]} == {TRACE}
    assert {call["after"] for call in calls} == {CALLER}


def test_without_an_sdk_the_caller_stays_the_parent() -> None:
    calls, spans = served({"OTEL_SDK_DISABLED": "true"})

    assert {call["within"] for call in calls[:-1]} == {CALLER}
    assert spans == []


def test_calls_that_are_not_sampled_propagate_that() -> None:
    calls, spans = served({"OTEL_TRACES_SAMPLER": "always_off"})

    assert {call["within"].rpartition("-")[2] for call in calls[:-1]} == {"00"}
    assert spans == []
