from pathlib import Path

import pytest
import yaml

from examples.checkout.operator import FILE, Operator
from examples.checkout.schedule import Schedule
from otel_breaker_instrumentation.config import validate_configuration
from tests.instrumentation.configuration_files import read_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "breakers.yaml"


def threshold(file: Path) -> int | None:
    configuration, problems = validate_configuration(read_file(str(file)), "")
    assert problems == []
    return configuration.breakers["payments"].failure_threshold


def test_the_shop_starts_with_the_shipped_configuration(file: Path) -> None:
    Operator(file, Schedule())
    assert file.read_text() == FILE.read_text()


def test_the_threshold_is_lowered_within_the_healthy_phase_and_nothing_else_is_changed(file: Path) -> None:
    operator = Operator(file, Schedule(healthy=3))
    seen = []
    for elapsed in (0.0, 0.99, 1.0, 2.0):
        operator.watch(elapsed)
        seen.append(threshold(file))
    before, after = yaml.safe_load(FILE.read_text()), yaml.safe_load(file.read_text())
    before["breakers"]["payments"]["failure_threshold"] = 3
    assert (seen, after) == ([5, 5, 3, 3], before)


def test_the_file_is_changed_once(file: Path) -> None:
    operator = Operator(file, Schedule(healthy=3))
    operator.watch(1)
    file.unlink()
    operator.watch(2)
    assert not file.exists()
