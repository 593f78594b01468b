"""Files are read line by line: progress is told, broken lines are skipped, compression makes no difference."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from otel_breaker_instrumentation.cli.otlp import Broken, Log, Record, Span, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def span_line(name: str) -> bytes:
    span = {"traceId": "a" * 32, "spanId": "b" * 16, "name": name, "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode() + b"\n"


def refuse(broken: Broken) -> None:
    pytest.fail(str(broken))


def names(records: list[Record]) -> list[str]:
    return [record.name for record in records if isinstance(record, Span)]


def test_signals_may_be_mixed_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    file.write_bytes(span_line("a") + b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1"}]}]}]}\n')

    assert [type(record) for record in read([file], broken=refuse)] == [Span, Log]


def test_files_are_read_in_the_order_given(tmp_path: Path) -> None:
    first, second = tmp_path / "b.jsonl", tmp_path / "a.jsonl"
    first.write_bytes(span_line("first"))
    second.write_bytes(span_line("second"))

    assert names(list(read([first, second], broken=refuse))) == ["first", "second"]


def test_a_broken_line_is_named_and_skipped_whole(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    heard: list[Broken] = []
    half = json.loads(span_line("good half"))
    half["resourceSpans"][0]["scopeSpans"][0]["spans"].append({})
    file.write_bytes(
        span_line("a") + json.dumps(half).encode() + b"\n\n" + span_line("b")[:-9] + b"\n" + span_line("c")
    )

    records = list(read([file], broken=heard.append))

    assert names(records) == ["a", "c"]
    assert [(broken.file, broken.line) for broken in heard] == [(file, 2), (file, 4)]
    assert str(heard[0]) == f"{file}:2: traceId is missing"


def test_a_compressed_file_is_known_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_bytes(gzip.compress(span_line("a") + span_line("b")))

    assert names(list(read([file], broken=refuse))) == ["a", "b"]


def test_a_compressed_file_that_was_cut_off_gives_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl.gz"
    heard: list[Broken] = []
    whole = gzip.compress(b"".join(span_line(str(number)) for number in range(2_000)))
    file.write_bytes(whole[: len(whole) // 2])

    records = list(read([file], broken=heard.append))

    assert 0 < len(records) < 2_000
    assert "cannot be uncompressed" in heard[-1].problem


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_progress_adds_up_to_the_size_of_the_file(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "traces.jsonl"
    told: list[int] = []
    file.write_bytes(compress(b"".join(span_line(str(number)) for number in range(2_000))))

    for _ in read([file], broken=refuse, progress=told.append):
        pass

    assert sum(told) == file.stat().st_size
    assert min(told) >= 0


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_bytes(span_line("a" * 1_000) * 5_000)

    tracemalloc.start()
    try:
        for _ in read([file], broken=refuse):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < file.stat().st_size / 10


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.touch()

    assert list(read([file], broken=refuse)) == []
