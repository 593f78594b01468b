"""A faulty histogram changes no guarded call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import metrics as otel_metrics

from otel_breaker import CircuitBreaker, CircuitOpenError, configure
from tests.telemetry.durations import every_spans_setting, set_up
from tests.telemetry.faulty_sdk import broken, faulty, returning

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.telemetry.conftest import MakeSdk


def histogram(record: Callable[..., Any]) -> Any:
    return faulty(otel_metrics.Histogram, __init__=returning(None), record=record)()


@pytest.mark.parametrize(
    "get_meter",
    [
        broken,
        returning(None),
        returning(faulty(otel_metrics.Meter)("m")),
        returning(faulty(otel_metrics.Meter, create_histogram=returning(None))("m")),
        returning(faulty(otel_metrics.Meter, create_histogram=returning(object()))("m")),
        returning(faulty(otel_metrics.Meter, create_histogram=returning(histogram(broken)))("m")),
    ],
    ids=["no meter", "meter is nothing", "meter raises", "nothing", "a thing", "raises"],
)
@every_spans_setting
def test_a_faulty_histogram_changes_no_call(
    get_meter: Callable[..., Any], spans_setting: Any, make_sdk: MakeSdk
) -> None:
    configure(meter_provider=faulty(otel_metrics.MeterProvider, get_meter=get_meter)(), duration_histogram=True)
    set_up(spans_setting, make_sdk)
    breaker, error = CircuitBreaker("payments", failure_threshold=1), TimeoutError()

    assert breaker.call(str, 7) == "7"
    with pytest.raises(TimeoutError) as raised, breaker.guard():
        raise error
    assert raised.value is error
    with pytest.raises(CircuitOpenError):
        breaker.call(int)
    counted = {outcome: count for outcome, count in breaker.snapshot().calls.items() if count}
    assert counted == {"success": 1, "failure": 1, "rejected": 1}
