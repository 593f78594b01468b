"""`otel-breaker check` notes breakers that stay open for a minute or more, which refuses good calls after an outage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from otel_breaker_cli.main import main
from tests.cli.shop_to_check import written
from tests.cli.test_check import DECLARED, OURS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Check = Callable[[str], list[str]]

CHARGE, PATTERN = "shop_to_check:Client.charge", "shop_to_check:*_later"
REMEDY = "set recovery_time: 5s and recovery_jitter: 0.2"


@pytest.fixture
def notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    """Checks a file that has no mistake, and returns its notes without the file's name."""

    def check(text: str) -> list[str]:
        file = written(tmp_path, text)
        assert main(["check", file]) == 0
        *lines, result = capsys.readouterr().out.splitlines()
        assert result == f"{file}: nothing is wrong"
        assert all(line.startswith(f"note: {file}: ") for line in lines)
        return [line.removeprefix(f"note: {file}: ") for line in lines]

    return check


def note(path: str, seconds: int, names: str) -> str:
    problem = f"{seconds} s without retry_after: {names} may refuse good calls for that long after an outage"
    return f"{path}: {problem}: {REMEDY}"


@pytest.mark.parametrize(
    ("content", "path", "seconds"),
    [
        ("breakers: {payments: {recovery_time: 1m}}", "breakers.payments.recovery_time", 60),
        ("breakers: {payments: {}}", "defaults.recovery_time", 60),
        ("defaults: {recovery_time: 120}\nbreakers: {payments: }", "defaults.recovery_time", 120),
        (f"targets: [{{function: '{CHARGE}', breaker: payments}}]", "defaults.recovery_time", 60),
        (
            f"targets: [{{function: '{CHARGE}', breaker: 'payments {{tenant}}', recovery_time: 2m}}]",
            "targets[0].recovery_time",
            120,
        ),
    ],
)
def test_a_minute_or_more_is_noted_where_it_is_set_or_can_be(
    notes: Check, content: str, path: str, seconds: int
) -> None:
    assert notes(content) == [note(path, seconds, "'payments'")]


@pytest.mark.parametrize(
    "content",
    [
        "breakers: {payments: {recovery_time: 59s}}",
        "breakers: {payments: {retry_after: headers.Retry-After}}",
        "defaults: {retry_after: headers.Retry-After}\nbreakers: {payments: {recovery_time: 2m}}",
        f"targets: [{{function: '{CHARGE}', recovery_time: 5s}}]",
        "defaults: {recovery_time: 2m}",
    ],
)
def test_a_shorter_time_a_wait_that_failures_have_and_no_breaker_are_not_noted(notes: Check, content: str) -> None:
    assert notes(content) == []


def test_breakers_that_have_the_time_of_the_defaults_share_a_note(notes: Check) -> None:
    content = "breakers: {a: {}, b: {recovery_time: 5s}, c: {}, d: {recovery_time: 2m}, e: {}, f: {}}"

    assert notes(content) == [
        note("defaults.recovery_time", 60, "'a', 'c', 'e' and 1 more"),
        note("breakers.d.recovery_time", 120, "'d'"),
    ]


def test_the_time_of_a_pattern_is_that_of_all_breakers_named_after_its_functions(notes: Check) -> None:
    content = f"targets: [{{function: '{PATTERN}', recovery_time: 2m}}]\nbreakers: {{'shop_to_check:charge_later': }}"

    assert notes(content) == [note("targets[0].recovery_time", 120, f"'shop_to_check:charge_later', '{PATTERN}'")]


def test_a_note_on_opentelemetrys_configuration_has_its_path_there(
    notes: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECOVERY", "60")

    assert notes(DECLARED) == [note(f"{OURS}.breakers.payments.recovery_time", 60, "'payments'")]


def test_a_file_with_a_mistake_has_no_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", written(tmp_path, "breakers: {payments: {}, search: {window: 0}}")])

    assert "note" not in capsys.readouterr().out
