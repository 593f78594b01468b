from __future__ import annotations

import pytest

from otel_breaker.core.rules import ConsecutiveFailures, Counts, FailureRate, Rule, SlowCallRate
from otel_breaker.core.states import Reason

COUNTS = Counts(consecutive_failures=3, window_calls=10, window_failures=4, window_slow=6)


@pytest.mark.parametrize(
    ("rule", "reason", "observed"),
    [
        (ConsecutiveFailures(5), Reason.FAILURE_THRESHOLD, 3),
        (FailureRate(0.5, 10), Reason.FAILURE_RATE, 0.4),
        (SlowCallRate(0.5, 10), Reason.SLOW_CALL_RATE, 0.6),
    ],
)
def test_a_rule_observes_its_own_count_and_gives_its_own_reason(rule: Rule, reason: Reason, observed: float) -> None:
    assert rule.reason is reason
    assert rule.observed(COUNTS) == pytest.approx(observed)


@pytest.mark.parametrize("kind", [FailureRate, SlowCallRate])
@pytest.mark.parametrize(("minimum_calls", "observed"), [(1, 1.0), (4, 1.0), (5, 0.0)])
def test_a_rate_is_nothing_below_its_minimum_of_calls(
    kind: type[FailureRate | SlowCallRate], minimum_calls: int, observed: float
) -> None:
    counts = Counts(consecutive_failures=4, window_calls=4, window_failures=4, window_slow=4)

    assert kind(0.5, minimum_calls).observed(counts) == observed
