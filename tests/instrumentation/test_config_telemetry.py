"""Telemetry settings of a configuration apply for as long as the configuration does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker import InvalidSettings, configure
from otel_breaker.settings import Spans
from otel_breaker.telemetry import configuration
from otel_breaker_instrumentation.config import parse_configuration

if TYPE_CHECKING:
    from pathlib import Path

    from otel_breaker_instrumentation import OtelBreakerInstrumentor


def spans() -> Spans:
    return configuration.TELEMETRY.settings.spans


def test_a_telemetry_setting_applies_until_uninstrument(instrumentor: OtelBreakerInstrumentor) -> None:
    instrumentor.instrument(telemetry={"spans": "problems"})
    during = spans()

    instrumentor.uninstrument()

    assert (during, spans()) == (Spans.PROBLEMS, Spans.ALL)


def test_a_file_sets_telemetry_settings(
    instrumentor: OtelBreakerInstrumentor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "breakers.yaml"
    file.write_text("telemetry: {spans: off}\n")  # which YAML 1.1 reads as false
    monkeypatch.setenv("OTEL_BREAKER_CONFIG_FILE", str(file))

    instrumentor.instrument()

    assert spans() is Spans.OFF


def test_a_file_wins_over_code(instrumentor: OtelBreakerInstrumentor) -> None:
    configure(spans="off")

    instrumentor.instrument(telemetry={"spans": "problems"})

    assert spans() is Spans.PROBLEMS


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"spans": "some"}, "file: telemetry.spans"),
        ({"span": "all"}, "file: telemetry.span"),
        ("all", "file: telemetry"),
    ],
)
def test_an_invalid_telemetry_setting_is_refused_by_its_path(settings: object, path: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        parse_configuration({"telemetry": settings}, "file: ")

    assert caught.value.path == path
