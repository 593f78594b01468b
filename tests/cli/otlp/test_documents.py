"""Documents are found in any layout, and a broken one costs no other."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from otel_breaker_cli.otlp import SkippedPart, documents, read
from tests.cli.otlp.span_files import fail, names, span_line

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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

    assert names(list(read([file], on_skip=fail))) == ["a", "a"]


def test_braces_and_quotes_in_text_are_no_structure(tmp_path: Path) -> None:
    file = tmp_path / "traces.json"
    name = 'a }{ "quoted\\" ]['
    file.write_text(json.dumps(json.loads(span_line(name)), indent=2))

    assert names(list(read([file], on_skip=fail))) == [name]


SPAN_LINES = json.dumps(SPAN, indent=2).splitlines()


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        ("\n".join(SPAN_LINES[:7]), 7),  # cut off after a line
        ("\n".join(SPAN_LINES[:8])[:-4], 8),  # and within a text
        ("\n".join(SPAN_LINES).replace('"name": "a"', '"name": '), SPAN_LINES.index('              "name": "a",') + 1),
        ("\n".join(SPAN_LINES[:6]), 6),  # or where another object may follow
        ("\n".join(SPAN_LINES).replace('"name": "a",', '"name": "a"'), 10),  # a comma is lacking
    ],
)
def test_a_broken_document_is_reported_once_with_its_line_and_the_next_one_is_read(
    tmp_path: Path, broken: str, line: int
) -> None:
    file = tmp_path / "traces.json"
    skipped: list[SkippedPart] = []
    for indent in (2, None):
        skipped.clear()
        file.write_text(broken + "\n" + json.dumps(SPAN, indent=indent) + "\n")

        assert names(list(read([file], on_skip=skipped.append))) == ["a"]
        assert [part.line for part in skipped] == [line]


def test_a_line_that_was_cut_off_where_an_object_may_follow_costs_no_other(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    skipped: list[SkippedPart] = []
    file.write_bytes(b'{"resourceSpans": [\n' + span_line("a"))

    assert names(list(read([file], on_skip=skipped.append))) == ["a"]
    assert [part.line for part in skipped] == [1]


@pytest.mark.parametrize(
    "line", ["hello", "7", '"text"', "{", "}", "nul", "\x00", '{"a": 1}', '{"resourceSpans": ' + "1" * 5_000]
)
def test_a_line_that_is_no_document_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "traces.jsonl"
    skipped: list[SkippedPart] = []
    file.write_bytes(span_line("a") + line.encode() + b"\n" + span_line("b"))

    assert names(list(read([file], on_skip=skipped.append))) == ["a", "b"]
    assert [part.line for part in skipped] == [2]


def test_a_line_that_is_not_in_utf_8_is_named(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    skipped: list[SkippedPart] = []
    file.write_bytes(b'{"resourceSpans": "\xff\xfe"}\n' + span_line("b"))

    assert names(list(read([file], on_skip=skipped.append))) == ["b"]
    assert skipped[0].problem == "it is no JSON: it is not in UTF-8"


@pytest.mark.parametrize("opening", [b'{"a":', b"[", b'{"a":[\n'])
def test_endless_nesting_is_no_error(tmp_path: Path, opening: bytes) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_bytes(opening * 100_000)

    assert list(read([file], on_skip=lambda _: None)) == []


def test_a_document_that_is_too_long_is_skipped_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 2**12)
    file = tmp_path / "traces.json"
    skipped: list[SkippedPart] = []
    long = json.loads(span_line("b"))
    long["resourceSpans"] *= 50
    file.write_text(json.dumps(SPAN, indent=2) + "\n" + json.dumps(long, indent=2) + "\n" + json.dumps(SPAN, indent=2))

    assert names(list(read([file], on_skip=skipped.append))) == ["a", "a"]
    assert [part.problem for part in skipped] == ["it is longer than 16 MiB"]
