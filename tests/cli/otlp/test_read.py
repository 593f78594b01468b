"""Files are read document by document: progress is told, what is broken is skipped, layout makes no difference."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections import deque
from typing import TYPE_CHECKING

import pytest

from otel_breaker_cli.otlp import LogRecord, SkippedPart, Span, TelemetryRecord, documents, lines, read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def span_line(name: str) -> bytes:
    span = {"traceId": "a" * 32, "spanId": "b" * 16, "name": name, "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode() + b"\n"


def refuse(broken: SkippedPart) -> None:
    pytest.fail(str(broken))


def names(records: list[TelemetryRecord]) -> list[str]:
    return [record.name for record in records if isinstance(record, Span)]


def peak_of(file: Path, broken: Callable[[SkippedPart], None]) -> int:
    """The most bytes that reading takes at once."""
    tracemalloc.start()
    try:
        for _ in read([file], on_skip=broken):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_signals_may_be_mixed_in_one_file(tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl"
    file.write_bytes(span_line("a") + b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "1"}]}]}]}\n')

    assert [type(record) for record in read([file], on_skip=refuse)] == [Span, LogRecord]


def test_files_are_read_in_the_order_given(tmp_path: Path) -> None:
    first, second = tmp_path / "b.jsonl", tmp_path / "a.jsonl"
    first.write_bytes(span_line("first"))
    second.write_bytes(span_line("second"))

    assert names(list(read([first, second], on_skip=refuse))) == ["first", "second"]


def test_a_broken_line_is_named_and_skipped(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    heard: list[SkippedPart] = []
    half = json.loads(span_line("good half"))
    half["resourceSpans"][0]["scopeSpans"][0]["spans"].append({})
    file.write_bytes(
        span_line("a") + json.dumps(half).encode() + b"\n\n" + span_line("b")[:-9] + b"\n" + span_line("c")
    )

    records = list(read([file], on_skip=heard.append))

    assert names(records) == ["a", "good half", "c"]
    assert [(broken.file, broken.line) for broken in heard] == [(file, 2), (file, 4)]
    assert str(heard[0]) == f"{file}:2: resourceSpans[0].scopeSpans[0].spans[1].traceId: it is missing"


def test_a_compressed_file_is_known_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_bytes(gzip.compress(span_line("a") + span_line("b")))

    assert names(list(read([file], on_skip=refuse))) == ["a", "b"]


def test_a_compressed_file_that_was_cut_off_gives_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl.gz"
    heard: list[SkippedPart] = []
    whole = gzip.compress(b"".join(span_line(str(number)) for number in range(2_000)))
    file.write_bytes(whole[: len(whole) // 2])

    records = list(read([file], on_skip=heard.append))

    assert 0 < len(records) < 2_000
    assert "cannot be uncompressed" in heard[-1].problem


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_progress_adds_up_to_the_size_of_the_file(tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "traces.jsonl"
    told: list[int] = []
    file.write_bytes(compress(b"".join(span_line(str(number)) for number in range(2_000))))

    for _ in read([file], on_skip=refuse, on_progress=told.append):
        pass

    assert sum(told) == file.stat().st_size
    assert min(told) >= 0


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_bytes(span_line("a" * 1_000) * 5_000)

    assert peak_of(file, refuse) < file.stat().st_size / 10


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.touch()

    assert list(read([file], on_skip=refuse)) == []


SPAN = json.loads(span_line("a"))
LAYOUTS = {
    "lines": json.dumps(SPAN) + "\n" + json.dumps(SPAN) + "\n",
    "documents": json.dumps(SPAN, indent=2) + "\n\n" + json.dumps(SPAN, indent=1),
    "documents without indentation": json.dumps(SPAN, indent=0) + "\n" + json.dumps(SPAN, indent=0),
    "documents of Windows": (json.dumps(SPAN, indent=2) + "\n" + json.dumps(SPAN, indent="\t")).replace("\n", "\r\n"),
    "a document and lines": json.dumps(SPAN, indent=2) + "\n" + json.dumps(SPAN),
    "two on a line": json.dumps(SPAN) + json.dumps(SPAN),
    "an array": json.dumps([SPAN, SPAN]),
    "an array over many lines": json.dumps([SPAN, SPAN], indent=2),
    "an array with its commas between braces": json.dumps([SPAN, SPAN], indent=2).replace("},\n  {", "}, {"),
    "an array of lines": f"[\n{json.dumps(SPAN)},\n{json.dumps(SPAN)}\n]\n",
    "a mark of the byte order": "\ufeff" + json.dumps([SPAN, SPAN], indent=2),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_json_is_read_however_it_is_laid_out(tmp_path: Path, layout: str, compress: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "traces.json"
    file.write_bytes(compress(LAYOUTS[layout].encode()))

    assert names(list(read([file], on_skip=refuse))) == ["a", "a"]


def test_braces_and_quotes_in_text_are_no_structure(tmp_path: Path) -> None:
    file = tmp_path / "traces.json"
    name = 'a }{ "quoted\\" ]['
    file.write_text(json.dumps(json.loads(span_line(name)), indent=2))

    assert names(list(read([file], on_skip=refuse))) == [name]


CUT = json.dumps(SPAN, indent=2).splitlines()


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        ("\n".join(CUT[:7]), 7),  # cut off after a line
        ("\n".join(CUT[:8])[:-4], 8),  # and within a text
        ("\n".join(CUT).replace('"name": "a"', '"name": '), CUT.index('              "name": "a",') + 1),
        ("\n".join(CUT[:6]), 6),  # or where another object may follow
        ("\n".join(CUT).replace('"name": "a",', '"name": "a"'), 10),  # a comma is lacking
    ],
)
def test_a_broken_document_is_one_complaint_at_its_line_and_the_next_one_is_read(
    tmp_path: Path, broken: str, line: int
) -> None:
    file = tmp_path / "traces.json"
    heard: list[SkippedPart] = []
    for indent in (2, None):
        heard.clear()
        file.write_text(broken + "\n" + json.dumps(SPAN, indent=indent) + "\n")

        assert names(list(read([file], on_skip=heard.append))) == ["a"]
        assert [broken.line for broken in heard] == [line]


def test_a_line_that_was_cut_off_where_an_object_may_follow_costs_no_other(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    heard: list[SkippedPart] = []
    file.write_bytes(b'{"resourceSpans": [\n' + span_line("a"))

    assert names(list(read([file], on_skip=heard.append))) == ["a"]
    assert [broken.line for broken in heard] == [1]


@pytest.mark.parametrize(
    "line", ["hello", "7", '"text"', "{", "}", "nul", "\x00", '{"a": 1}', '{"resourceSpans": ' + "1" * 5_000]
)
def test_a_line_that_is_nothing_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "traces.jsonl"
    heard: list[SkippedPart] = []
    file.write_bytes(span_line("a") + line.encode() + b"\n" + span_line("b"))

    assert names(list(read([file], on_skip=heard.append))) == ["a", "b"]
    assert [broken.line for broken in heard] == [2]


def test_what_is_not_in_utf_8_is_named(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    heard: list[SkippedPart] = []
    file.write_bytes(b'{"resourceSpans": "\xff\xfe"}\n' + span_line("b"))

    assert names(list(read([file], on_skip=heard.append))) == ["b"]
    assert heard[0].problem == "it is no JSON: it is not in UTF-8"


@pytest.mark.parametrize("opening", [b'{"a":', b"[", b'{"a":[\n'])
def test_nesting_without_end_is_nothing_to_fall_over(tmp_path: Path, opening: bytes) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_bytes(opening * 100_000)

    assert list(read([file], on_skip=lambda _: None)) == []


def test_a_line_that_is_too_long_is_skipped_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "MAX_BYTES", 2**20)
    file = tmp_path / "traces.jsonl"
    heard: list[SkippedPart] = []
    file.write_bytes(span_line("a") + span_line("b" * 2**24) + span_line("c"))

    assert names(list(read([file], on_skip=heard.append))) == ["a", "c"]
    assert [(broken.line, broken.problem) for broken in heard] == [(2, "it is longer than 16 MiB")]


def test_a_document_that_is_too_long_is_skipped_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 2**12)
    file = tmp_path / "traces.json"
    heard: list[SkippedPart] = []
    long = json.loads(span_line("b"))
    long["resourceSpans"] *= 50
    file.write_text(json.dumps(SPAN, indent=2) + "\n" + json.dumps(long, indent=2) + "\n" + json.dumps(SPAN, indent=2))

    assert names(list(read([file], on_skip=heard.append))) == ["a", "a"]
    assert [broken.problem for broken in heard] == ["it is longer than 16 MiB"]


@pytest.mark.slow
@pytest.mark.parametrize("filling", [b" ", b"a", b"{}\n", b"\n"])
def test_what_becomes_very_large_when_uncompressed_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filling: bytes
) -> None:
    monkeypatch.setattr(lines, "MAX_BYTES", 2**16)
    monkeypatch.setattr(lines, "_UNCHECKED_BYTES", 2**16)
    monkeypatch.setattr(lines, "_MAX_RATIO", 32)
    file = tmp_path / "bomb.gz"
    heard: deque[SkippedPart] = deque(maxlen=1)
    file.write_bytes(gzip.compress(span_line("a") + filling * (2**20 // len(filling)), 9))

    peak = peak_of(file, heard.append)

    assert heard[-1].problem.startswith("the rest is not read: it becomes more than 32 times as large")
    assert peak < 2**21


def test_telemetry_that_repeats_itself_is_no_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_UNCHECKED_BYTES", 2**16)
    file = tmp_path / "traces.jsonl.gz"
    file.write_bytes(gzip.compress(b"".join(span_line(f"span {number}") for number in range(20_000))))

    assert len(list(read([file], on_skip=refuse))) == 20_000


def test_each_document_that_is_otlp_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    counted: list[int] = []
    file.write_bytes(b'{"resourceSpans": []}\n{}\n' + span_line("a"))

    list(read([file], on_skip=lambda _: None, on_document=lambda: counted.append(1)))

    assert len(counted) == 2
