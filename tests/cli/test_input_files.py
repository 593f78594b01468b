"""What a command prints while it reads: a bar on a terminal, reports of skipped parts, and one line when it fails."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from otel_breaker_cli.command import CommandFailed
from otel_breaker_cli.input_files import open_files

if TYPE_CHECKING:
    from otel_breaker_cli.otlp import TelemetryRecord

EMPTY = b'{"resourceSpans": []}\n'
LOG = b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1"}]}]}]}\n'


@pytest.fixture
def errors() -> io.StringIO:
    return io.StringIO()


def console(errors: io.StringIO, *, terminal: bool = False) -> Console:
    return Console(file=errors, width=60, force_terminal=terminal)


def records(files: list[Path], errors: Console) -> list[TelemetryRecord]:
    with open_files(files, errors) as opened:
        return list(opened)


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    """The content of standard input."""
    content = io.BytesIO()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(content))
    return content


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path, errors: io.StringIO) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_bytes(LOG)

    assert len(records([file, tmp_path / "." / "logs.jsonl", tmp_path], console(errors))) == 1
    assert errors.getvalue() == ""


def test_a_broken_line_is_reported_in_one_line_even_with_a_long_path(tmp_path: Path, errors: io.StringIO) -> None:
    file = tmp_path / "[bold]a-rather-long-name-for-a-file-of-telemetry.jsonl"
    file.write_bytes(EMPTY + b"{\n")

    records([file], console(errors))

    assert errors.getvalue().startswith(f"{file}:2: ")
    assert errors.getvalue().count("\n") == 1


def test_a_file_with_many_broken_lines_is_not_reported_line_by_line(tmp_path: Path, errors: io.StringIO) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_bytes(b"{\n" * 500 + LOG)

    records([file], console(errors))

    printed = errors.getvalue().splitlines()
    assert len(printed) == 11
    assert printed[-1] == "500 parts were skipped in all"


@pytest.mark.parametrize(("lines", "reports"), [(3, 3), (20, 11)])
def test_the_skipped_parts_of_files_that_are_read_twice_are_reported_once(
    tmp_path: Path, errors: io.StringIO, lines: int, reports: int
) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_bytes(LOG + b"{\n" * lines)

    with open_files([file], console(errors)) as files:
        assert [len(list(files)) for _ in range(2)] == [1, 1]
    assert len(errors.getvalue().splitlines()) == reports


def test_on_a_terminal_there_is_a_bar_that_is_removed_in_the_end(tmp_path: Path, errors: io.StringIO) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_bytes(EMPTY)

    records([file], console(errors, terminal=True))

    assert "reading" in errors.getvalue()
    assert errors.getvalue().endswith("\x1b[2K")


def test_a_missing_file_is_one_sentence(tmp_path: Path, errors: io.StringIO) -> None:
    missing = tmp_path / "no.jsonl"

    with pytest.raises(CommandFailed, match=r"no\.jsonl: No such file or directory"):
        records([missing], console(errors))


def test_standard_input_is_a_file_called_minus_and_can_be_read_twice(errors: io.StringIO, piped: io.BytesIO) -> None:
    piped.write(LOG + b"{\n")
    piped.seek(0)

    with open_files([Path("-"), Path("-")], console(errors)) as files:
        assert [len(list(files)) for _ in range(2)] == [1, 1]

    assert errors.getvalue().startswith("-:2: it is no JSON")


def test_the_temporary_file_of_standard_input_is_removed(
    errors: io.StringIO, piped: io.BytesIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    piped.write(LOG)
    piped.seek(0)

    records([Path("-")], console(errors))

    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_read_with_all_its_folders(tmp_path: Path, errors: io.StringIO) -> None:
    (tmp_path / "pod" / "worker").mkdir(parents=True)
    for name in ("a.json", "pod/b.jsonl", "pod/worker/c.jsonl.gz"):
        (tmp_path / name).write_bytes(LOG)
    (tmp_path / "shop.log").write_text("no telemetry")

    assert len(records([tmp_path], console(errors))) == 3
    assert errors.getvalue() == ""


def test_a_folder_without_telemetry_is_one_sentence(tmp_path: Path, errors: io.StringIO) -> None:
    with pytest.raises(CommandFailed, match=r"there is no file in it that ends in .*jsonl"):
        records([tmp_path], console(errors))


@pytest.mark.timeout(5)
def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path, errors: io.StringIO) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")

    with pytest.raises(CommandFailed, match="neither a file nor a folder; what is piped in is read from -"):
        records([tmp_path / "pipe.jsonl"], console(errors))


@pytest.mark.timeout(5)
def test_a_named_pipe_in_a_folder_is_ignored(tmp_path: Path, errors: io.StringIO) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "logs.jsonl").write_bytes(LOG)

    assert len(records([tmp_path], console(errors))) == 1


@pytest.mark.parametrize("device", ["/dev/zero", "socket"])
def test_a_device_or_a_socket_is_refused(tmp_path: Path, errors: io.StringIO, device: str) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))

        with pytest.raises(CommandFailed, match="neither a file nor a folder"):
            records([tmp_path / device], console(errors))


@pytest.mark.parametrize("content", [b"", b"hello\n", b"{}", b"[]", b"\x00" * 100, b'{"resourceSpans": 7'])
def test_files_without_telemetry_are_an_error(tmp_path: Path, errors: io.StringIO, content: bytes) -> None:
    file = tmp_path / "logs.jsonl"
    file.write_bytes(content)

    with pytest.raises(CommandFailed, match="there is no telemetry in it: it should be OTLP in JSON"):
        records([file], console(errors))


def test_the_error_of_a_file_that_cannot_be_read_is_printable(tmp_path: Path, errors: io.StringIO) -> None:
    with pytest.raises(CommandFailed) as failed:
        records([tmp_path / "\x1b[2J.jsonl"], console(errors))

    assert "\x1b" not in str(failed.value)


def test_the_report_of_a_skipped_part_is_printable(tmp_path: Path, errors: io.StringIO) -> None:
    file = tmp_path / "\x1b[2J.jsonl"
    file.write_bytes(LOG + b"{\n")

    records([file], console(errors))

    assert "\x1b" not in errors.getvalue()
