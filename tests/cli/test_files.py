"""What a command says while it reads: a bar on a terminal, a word on broken lines, and one line when it cannot."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from otel_breaker_instrumentation.cli.command import CommandFailed
from otel_breaker_instrumentation.cli.files import Files, records

if TYPE_CHECKING:
    from pathlib import Path

EMPTY = b'{"resourceSpans": []}\n'
LOG = b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1"}]}]}]}\n'


@pytest.fixture
def errors() -> io.StringIO:
    return io.StringIO()


def console(errors: io.StringIO, *, terminal: bool = False) -> Console:
    return Console(file=errors, width=60, force_terminal=terminal)


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path, errors: io.StringIO) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_bytes(LOG)

    assert len(list(records([file, tmp_path / "." / "logs.jsonl"], console(errors)))) == 1
    assert errors.getvalue() == ""


def test_a_broken_line_is_told_in_one_line_however_long_its_path(tmp_path: Path, errors: io.StringIO) -> None:
    file = tmp_path / "[bold]a-rather-long-name-for-a-file-of-telemetry.jsonl"
    file.write_bytes(EMPTY + b"{\n")

    list(records([file], console(errors)))

    assert errors.getvalue().startswith(f"{file}:2: ")
    assert errors.getvalue().count("\n") == 1


def test_a_file_of_nothing_but_broken_lines_is_not_told_line_by_line(tmp_path: Path, errors: io.StringIO) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_bytes(b"{\n" * 500)

    list(records([file], console(errors)))

    told = errors.getvalue().splitlines()
    assert len(told) == 11
    assert told[-1] == "500 lines were skipped in all"


@pytest.mark.parametrize(("lines", "told"), [(3, 3), (20, 11)])
def test_files_that_are_read_twice_complain_once(tmp_path: Path, errors: io.StringIO, lines: int, told: int) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_bytes(LOG + b"{\n" * lines)
    files = Files([file], console(errors))

    assert [len(list(files)) for _ in range(2)] == [1, 1]
    assert len(errors.getvalue().splitlines()) == told


def test_on_a_terminal_there_is_a_bar_that_is_gone_in_the_end(tmp_path: Path, errors: io.StringIO) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_bytes(EMPTY)

    list(records([file], console(errors, terminal=True)))

    assert "reading" in errors.getvalue()
    assert errors.getvalue().endswith("\x1b[2K")


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path, errors: io.StringIO) -> None:
    missing = tmp_path / "no.jsonl"

    with pytest.raises(CommandFailed, match=r"no\.jsonl: No such file or directory"):
        list(records([missing], console(errors)))
