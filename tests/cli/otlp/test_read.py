"""Files are read document by document, with progress and bounded memory, compressed or not."""

from __future__ import annotations

import gzip
import json
from collections import deque
from typing import TYPE_CHECKING

import pytest

from otel_breaker_cli.otlp import LogRecord, SkippedPart, Span, lines, read
from tests.cli.otlp.span_files import fail, names, peak_of, span_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_signals_may_be_mixed_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    file.write_bytes(span_line("a") + b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1"}]}]}]}\n')

    assert [type(record) for record in read([file], on_skip=fail)] == [Span, LogRecord]


def test_files_are_read_in_the_order_given(tmp_path: Path) -> None:
    first, second = tmp_path / "b.jsonl", tmp_path / "a.jsonl"
    first.write_bytes(span_line("first"))
    second.write_bytes(span_line("second"))

    assert names(list(read([first, second], on_skip=fail))) == ["first", "second"]


def test_a_broken_line_is_named_and_skipped(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    skipped: list[SkippedPart] = []
    half = json.loads(span_line("good half"))
    half["resourceSpans"][0]["scopeSpans"][0]["spans"].append({})
    file.write_bytes(
        span_line("a") + json.dumps(half).encode() + b"\n\n" + span_line("b")[:-9] + b"\n" + span_line("c")
    )

    records = list(read([file], on_skip=skipped.append))

    assert names(records) == ["a", "good half", "c"]
    assert [(part.file, part.line) for part in skipped] == [(file, 2), (file, 4)]
    assert str(skipped[0]) == f"{file}:2: resourceSpans[0].scopeSpans[0].spans[1].traceId: it is missing"


def test_a_compressed_file_is_recognized_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_bytes(gzip.compress(span_line("a") + span_line("b")))

    assert names(list(read([file], on_skip=fail))) == ["a", "b"]


def test_a_compressed_file_that_was_cut_off_is_read_as_far_as_possible(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl.gz"
    skipped: list[SkippedPart] = []
    whole = gzip.compress(b"".join(span_line(str(number)) for number in range(2_000)))
    file.write_bytes(whole[: len(whole) // 2])

    records = list(read([file], on_skip=skipped.append))

    assert 0 < len(records) < 2_000
    assert "cannot be uncompressed" in skipped[-1].problem


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_progress_adds_up_to_the_size_of_the_file(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "traces.jsonl"
    advances: list[int] = []
    file.write_bytes(compress(b"".join(span_line(str(number)) for number in range(2_000))))

    for _ in read([file], on_skip=fail, on_progress=advances.append):
        pass

    assert sum(advances) == file.stat().st_size
    assert min(advances) >= 0


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_bytes(span_line("a" * 1_000) * 5_000)

    assert peak_of(file, fail) < file.stat().st_size / 10


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.touch()

    assert list(read([file], on_skip=fail)) == []


def test_a_line_that_is_too_long_is_skipped_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_BYTES", 2**20)
    file = tmp_path / "traces.jsonl"
    skipped: list[SkippedPart] = []
    file.write_bytes(span_line("a") + span_line("b" * 2**24) + span_line("c"))

    assert names(list(read([file], on_skip=skipped.append))) == ["a", "c"]
    assert [(part.line, part.problem) for part in skipped] == [(2, "it is longer than 16 MiB")]


@pytest.mark.slow
@pytest.mark.parametrize("filling", [b" ", b"a", b"{}\n", b"\n"])
def test_a_file_that_becomes_very_large_when_uncompressed_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filling: bytes
) -> None:
    monkeypatch.setattr(lines, "MAX_BYTES", 2**16)
    monkeypatch.setattr(lines, "_UNCHECKED_BYTES", 2**16)
    monkeypatch.setattr(lines, "_MAX_RATIO", 32)
    file = tmp_path / "bomb.gz"
    skipped: deque[SkippedPart] = deque(maxlen=1)
    file.write_bytes(gzip.compress(span_line("a") + filling * (2**20 // len(filling)), 9))

    peak = peak_of(file, skipped.append)

    assert skipped[-1].problem.startswith("the rest is not read: it becomes more than 32 times as large")
    assert peak < 2**21


def test_repetitive_telemetry_is_read_completely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_UNCHECKED_BYTES", 2**16)
    file = tmp_path / "traces.jsonl.gz"
    file.write_bytes(gzip.compress(b"".join(span_line(f"span {number}") for number in range(20_000))))

    assert len(list(read([file], on_skip=fail))) == 20_000


def test_each_document_that_is_otlp_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    counted: list[int] = []
    file.write_bytes(b'{"resourceSpans": []}\n{}\n' + span_line("a"))

    list(read([file], on_skip=lambda _: None, on_document=lambda: counted.append(1)))

    assert len(counted) == 2
