"""The documents are true: examples run, generated parts are up to date, links have targets."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from otel_breaker import CircuitState, get_breaker
from otel_breaker.settings import Settings, Spans, TelemetrySettings
from otel_breaker.telemetry import configuration
from otel_breaker_cli.semconv_registry import load
from otel_breaker_instrumentation.config import parse_configuration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import Field
    from types import ModuleType

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")]
DOCUMENTS += [*sorted((ROOT / "docs").glob("*.md")), ROOT / "collector-config" / "README.md"]


def blocks(document: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE)


def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_documents_are_up_to_date() -> None:
    stale = [path.name for path, text in build().documents().items() if path.read_text() != text]

    assert stale == []


@pytest.fixture
def namespace() -> Iterator[dict[str, Any]]:
    """What a document's code defines. It is emptied, so that no breaker of the document outlives its test."""
    names: dict[str, Any] = {"__name__": "document"}
    yield names
    names.clear()


def test_the_readme_shows_guards_by_hand_in_five_blocks_of_five_lines() -> None:
    shown = blocks(ROOT / "README.md", "python")

    lines = [[line for line in block.splitlines() if line] for block in shown]
    assert len(shown) == 5
    assert max(map(len, lines)) <= 5


@pytest.mark.usefixtures("fresh_breakers")
def test_the_blocks_of_the_readme_run_one_after_the_other(
    namespace: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    decorate, block, call, answer, operate = blocks(ROOT / "README.md", "python")

    def run(shown: str) -> str:
        exec(compile(shown, "README.md", "exec"), namespace)
        return capsys.readouterr().out

    run(decorate)
    assert namespace["charge"]("order 1") == "order 1 is paid"
    run(block)
    assert get_breaker("stock").snapshot().last_failure_type == "unavailable"
    run(call)
    assert asyncio.run(namespace["fetch"]("a.example", "query")) is None
    assert get_breaker("search", key="a.example").snapshot().calls["success"] == 1
    assert run(answer) == "order 1 is paid\n"
    for _ in range(3):
        get_breaker("payments").record_failure(OSError())
    assert re.fullmatch(r"payments is open, try again in [\d.]+ s\n", run(answer))
    get_breaker("payments").reset()
    assert "CircuitState.FORCED_OPEN" in run(operate)
    assert get_breaker("payments").state is CircuitState.CLOSED


def test_the_page_of_guards_by_hand_runs(namespace: dict[str, Any]) -> None:
    (shown,) = blocks(ROOT / "docs" / "by-hand.md", "python")

    exec(compile(shown, "by-hand.md", "exec"), namespace)

    assert namespace["charge_by_hand"]("order 2") is None
    assert namespace["payments"].snapshot().calls["failure"] == 1
    assert namespace["charge_in_two_steps"]("order 3") is None
    assert list(namespace["pages"]("query")) == ["query"]
    with namespace["session"]() as session:
        assert session == "session"
    assert asyncio.run(namespace["find"]("query")) is None
    assert asyncio.run(namespace["fetch_later"]("query")) is None
    assert asyncio.run(namespace["fetch_all"]()) is None
    namespace["pause"](0)
    assert namespace["call_host"]("a.example", "order 4") is None
    namespace["rates"].force_open()
    assert namespace["rates"].call(float, "3.2") == 1.0


def test_the_readme_shows_a_valid_configuration() -> None:
    (shown,) = blocks(ROOT / "README.md", "yaml")

    configuration = parse_configuration(yaml.safe_load(shown), "")

    assert str(configuration.targets[0]) == "shop.payments:PaymentClient.charge"
    assert configuration.breakers["payments"].recovery_time == 5


@pytest.mark.processes
def test_without_an_sdk_state_changes_go_to_the_logger_that_the_readme_names() -> None:
    (logger,) = re.findall(r"to `logging` \(logger `([\w.]+)`\)", (ROOT / "README.md").read_text())
    program = (
        "import logging, otel_breaker; logging.basicConfig(); otel_breaker.CircuitBreaker('payments').force_open()"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout == ""
    assert done.stderr == f"WARNING:{logger}:circuit breaker 'payments': closed -> forced_open (manual)\n"


def readme_rows(kind: str) -> dict[str, str]:
    """Name and unit of each row of the README's table of telemetry."""
    return dict(re.findall(rf"^\| {kind} \| `([^`]+)`(?: `([^`]+)`)? ", (ROOT / "README.md").read_text(), re.MULTILINE))


def test_the_readme_names_every_metric_with_its_unit() -> None:
    assert readme_rows("metric") == {name: metric.unit for name, metric in load().metrics.items()}


def test_the_readme_names_every_attribute_of_a_calls_span() -> None:
    (span,) = load().spans.values()
    table = (ROOT / "README.md").read_text().partition("| telemetry | name |")[2].partition("\n\n")[0]
    prefix = "circuit_breaker"
    listed = {f"{prefix}{name}" if name.startswith(".") else name for name in re.findall(r"`([\w.]+)`", table)}

    assert set(span.attributes) - listed == set()


@pytest.mark.parametrize("index", range(len(fields(Settings))), ids=[spec.name for spec in fields(Settings)])
def test_every_setting_has_an_example_that_sets_it(index: int) -> None:
    name = fields(Settings)[index].name
    shown = blocks(ROOT / "docs" / "configuration.md", "yaml")[index]

    settings = parse_configuration(yaml.safe_load(shown), "").breakers["payments"].resolved()

    assert getattr(settings, name) != getattr(Settings(), name)


def test_the_configuration_page_shows_how_to_set_telemetry_in_code_and_that_takes_effect() -> None:
    (shown,) = blocks(ROOT / "docs" / "configuration.md", "python")

    exec(compile(shown, "configuration.md", "exec"), {})

    assert configuration.TELEMETRY.settings == TelemetrySettings(
        spans=Spans.PROBLEMS, rejected_span_limit=10, duration_histogram=True
    )


@pytest.mark.parametrize("spec", fields(TelemetrySettings), ids=lambda spec: spec.name)
def test_every_telemetry_setting_has_an_environment_variable_and_an_example_of_it(
    spec: Field[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "configuration.md").read_text()
    row = re.search(rf"^\| `{spec.name}` \| .*? \| `(?P<variable>\w+)` \| `(?P<example>\w+)` \|", page, re.MULTILINE)
    assert row is not None
    monkeypatch.setenv(row["variable"], row["example"])

    configuration.TELEMETRY.read_environment()

    assert getattr(configuration.TELEMETRY.settings, spec.name) != spec.default


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_links_between_documents_have_targets(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())

    missing = [target for target in targets if not (document.parent / target).exists()]

    assert missing == []


def test_links_within_the_telemetry_page_lead_to_a_heading() -> None:
    page = (ROOT / "docs" / "telemetry.md").read_text()
    headings = {re.sub(r"[^\w-]", "", heading) for heading in re.findall(r"^#+ (.*)", page, re.MULTILINE)}

    targets = set(re.findall(r"\]\(#(.*?)\)", page))

    assert targets
    assert targets <= headings
