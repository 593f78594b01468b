"""Every setting with values that are not allowed."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings import Settings

COMMON: tuple[object, ...] = (-1, math.nan, math.inf, -math.inf, "5", {}, object(), True, "no such thing")
BAD: dict[str, list[object]] = {
    "failure_threshold": [0, 1.5, []],
    "failure_rate": [0, 1.5, 10**18 * 9, []],
    "slow_call_duration": [0, "0s", []],
    "slow_call_rate": [0, 1.5, []],
    "window": [0, 60.0, "0s", [], None],
    "minimum_calls": [0, 1.5, [], None],
    "max_in_flight": [0, 1.5, [], "AUTO"],
    "recovery_time": [0, "0s", [], None],
    "recovery_backoff": [0, 0.5, [], None],
    "recovery_time_max": [0, "0s", []],
    "recovery_jitter": [-0.1, 1.1, [], None],
    "retry_after": [0, []],
    "half_open_calls": [0, 1.5, [], None],
    "probe_timeout": [0, "0s", [], None],
    "failure_on": [0, None, int, [5]],
    "ignore": [0, None, int, [5]],
    "failure_result": [0, []],
    "fallback": [0, []],
    "mode": [0, [], None, "on", "OFF"],
    "max_keys": [0, 1.5, [], None],
}

KINDS = {object: "object", type: "int"}
"""Values that are shown by their kind: their text may hold secrets."""
NO_TEXT = {spec.name for spec in fields(Settings)} & {
    *("failure_threshold", "failure_rate", "slow_call_rate", "minimum_calls", "recovery_backoff"),
    *("recovery_jitter", "half_open_calls", "max_keys"),
}
"""Settings that are never text, so that text may be a secret in the wrong place."""


def test_the_table_of_bad_values_has_every_setting() -> None:
    assert list(BAD) == [spec.name for spec in fields(Settings)]


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in [*COMMON, *BAD[name]]])
def test_a_bad_value_is_refused_with_path_value_and_remedy(name: str, value: object) -> None:
    mapping = {"slow_call_duration": "2s", name: value}
    shown = value[0] if isinstance(value, list) and value else value
    kind = "text" if isinstance(shown, str) and name in NO_TEXT else KINDS.get(type(shown))

    with pytest.raises(InvalidSettings) as refused:
        Settings.from_mapping(mapping, "breakers.payments")

    assert refused.value.path.startswith(f"breakers.payments.{name}")
    if shown == "5" or kind is None:
        assert repr(shown) in refused.value.problem
    else:
        assert refused.value.problem == f"{kind} is not allowed"
    assert refused.value.remedy
