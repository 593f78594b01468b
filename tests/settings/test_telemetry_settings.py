"""The settings of telemetry as code, a file and the environment hold them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import yaml

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings import Events, Spans, TelemetryKeywords, TelemetrySettings

GOOD: dict[str, list[tuple[object, object]]] = {
    "spans": [("all", Spans.ALL), ("problems", Spans.PROBLEMS), ("off", Spans.OFF), (Spans.OFF, Spans.OFF)],
    "events": [("span", Events.SPAN), ("log", Events.LOG), ("both", Events.BOTH), (Events.LOG, Events.LOG)],
    "rejected_span_limit": [(10, 10), (0, 0), (None, None), ("10", 10), (" 10 ", 10)],
    "duration_histogram": [(True, True), (False, False), ("true", True), ("OFF", False), (" yes ", True), ("0", False)],
    "record_exceptions": [(True, True), (False, False), ("1", True), ("False", False), ("on", True), ("no", False)],
}
BAD: dict[str, list[object]] = {
    "spans": ["none", "", None, True, 0, [], "ALL"],
    "events": ["all", "", None, False, 1, {}, "off"],
    "rejected_span_limit": [-1, "-1", "ten", "", 1.5, True, [], "1.5"],
    "duration_histogram": ["maybe", "", None, 1, 0, []],
    "record_exceptions": ["text", "", None, 1, 0, {}],
}


def test_every_telemetry_setting_is_a_keyword_that_a_type_checker_knows() -> None:
    assert set(TelemetryKeywords.__annotations__) == {spec.name for spec in fields(TelemetrySettings)}


def test_the_tables_have_every_telemetry_setting() -> None:
    assert list(GOOD) == list(BAD) == [spec.name for spec in fields(TelemetrySettings)]


def test_by_default_every_call_and_state_change_is_exported_without_histograms_and_exception_texts() -> None:
    assert TelemetrySettings() == TelemetrySettings(
        spans=Spans.ALL,
        events=Events.BOTH,
        rejected_span_limit=None,
        duration_histogram=False,
        record_exceptions=False,
    )


@pytest.mark.parametrize(("name", "written", "meant"), [(name, *pair) for name in GOOD for pair in GOOD[name]])
def test_each_way_to_write_a_telemetry_setting_is_read(name: str, written: object, meant: object) -> None:
    by_keyword: dict[str, Any] = {name: written}

    assert getattr(TelemetrySettings.from_mapping({name: written}), name) == meant
    assert getattr(TelemetrySettings(**by_keyword), name) == meant


@pytest.mark.parametrize(("name", "value"), [(name, value) for name in BAD for value in BAD[name]])
def test_a_bad_value_is_refused_with_path_value_and_remedy(name: str, value: object) -> None:
    with pytest.raises(InvalidSettings) as refused:
        TelemetrySettings.from_mapping({name: value}, "telemetry")

    assert refused.value.path == f"telemetry.{name}"
    assert ("text" if value == "ten" else repr(value)) in refused.value.problem
    assert refused.value.remedy


def test_the_remedy_for_a_choice_names_all_values() -> None:
    with pytest.raises(InvalidSettings, match="one of all, problems, off"):
        TelemetrySettings.from_mapping({"spans": "few"})


def test_a_bad_keyword_is_refused_by_its_bare_name() -> None:
    with pytest.raises(InvalidSettings) as refused:
        TelemetrySettings(spans="few")  # type: ignore[arg-type]

    assert refused.value.path == "spans"


def test_a_bare_off_in_yaml_is_off() -> None:
    written = yaml.safe_load("spans: off")

    assert written == {"spans": False}
    assert TelemetrySettings.from_mapping(written).spans is Spans.OFF


def test_a_name_that_is_not_known_is_refused_with_the_nearest() -> None:
    with pytest.raises(InvalidSettings, match="did you mean 'spans'") as refused:
        TelemetrySettings.from_mapping({"span": "off"}, "telemetry")

    assert refused.value.path == "telemetry.span"


def test_a_name_that_is_like_no_other_is_refused_with_all_names() -> None:
    with pytest.raises(InvalidSettings, match=r"known are .*spans") as refused:
        TelemetrySettings.from_mapping({"xyz": "off"})

    assert refused.value.path == "xyz"


@pytest.mark.parametrize("spec", fields(TelemetrySettings), ids=lambda spec: spec.name)
def test_every_telemetry_setting_has_a_meaning_and_an_example_that_changes_it(spec: Any) -> None:
    written = yaml.safe_load(spec.metadata["example"])

    assert getattr(TelemetrySettings.from_mapping({spec.name: written}), spec.name) != spec.default
    assert spec.metadata["meaning"].endswith(".")
