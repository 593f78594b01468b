"""Finds the JSON documents in lines: one on each line, pretty-printed over many, or in an array.

What a document holds is not known here, except how one of OTLP begins: a beginning inside another document means that
the other was cut off. Memory holds one document at a time.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from otel_breaker_cli.otlp.lines import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TOO_LONG: Final = f"it is longer than {MAX_BYTES // 2**20} MiB"
_TOO_DEEP: Final = "it is nested too deeply"

_STRUCTURE: Final = re.compile(rb'\\.|[][{}"]')
_BEGINNING: Final = re.compile(rb'\{\s*"resource(?:Spans|Logs|Metrics)"')
_LINE_BREAK: Final = re.compile(rb'\{["}]|[\[:,]["{\[\w-]|\[\]|["}\]\w][,}\]]|["]:')
"""The last byte of a line and the first one of the next, where both belong to one document."""


class DocumentAssembler:
    """Takes lines, and yields each document that they complete, with the number of its first line.

    Args:
        on_skip: called with the line and the problem of each part that is skipped.
    """

    def __init__(self, on_skip: Callable[[int, str], None]) -> None:
        self._on_skip = on_skip
        self._pending = bytearray()
        self._first = self._depth = 0
        self._last = b""
        """The last pending byte."""
        self._is_indented = False
        """Whether a pending line does not begin at the margin."""
        self._is_skipping = False
        """Whether the next lines belong to a broken document; the next document begins at the margin."""

    def add_line(self, number: int, line: bytes | None) -> Iterator[tuple[int, Any]]:
        """Take the next line, or None for one that is too long; yield the documents that it completes."""
        if line is None:
            self._skip_pending(number, TOO_LONG)
            return
        text = line.strip()
        if self._pending and not self._continues_with(line, text):
            self._skip_pending(number, None)
        if self._is_skipping and not line.startswith((b"{", b"[")):
            return
        self._is_skipping = False
        self._is_indented = bool(self._pending) and (self._is_indented or line[:1].isspace())
        if self._pending or not text:
            yield from self._scan(number, text)
            return
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            yield from self._scan(number, text)
        else:
            yield from ((number, document) for document in (content if type(content) is list else [content]))

    def finish(self) -> None:
        """Report a document that the last line does not complete."""
        if self._pending:
            self._skip_pending(self._first, None)

    def _continues_with(self, line: bytes, text: bytes) -> bool:
        if _BEGINNING.match(text) or (self._is_indented and line.startswith(b"{")):
            return False
        return not text or _LINE_BREAK.match(self._last + text[:1]) is not None

    def _scan(self, number: int, text: bytes) -> Iterator[tuple[int, Any]]:
        """Follow the braces of a line that is no document of its own."""
        if len(self._pending) + len(text) > MAX_BYTES:
            self._skip_pending(self._first, TOO_LONG)
            return
        done = 0
        for token, position in _structure(text):
            if token == b'"':
                self._first = self._first if self._depth else number
                self._pending += text[done:]
                self._skip_pending(number, None)
                return
            if self._depth:
                self._depth += 1 if token in b"{[" else -1
                if not self._depth:
                    self._pending += text[done : position + 1]
                    done = position + 1
                    yield from self._complete()
            elif token == b"{":  # a bracket around documents makes an array of them
                self._skip_text_between(number, text[done:position])
                self._first, self._depth, done = number, 1, position
        if self._depth:
            self._pending += text[done:] + b"\n"
            self._last = text[-1:] or self._last
        else:
            self._skip_text_between(number, text[done:])

    def _skip_text_between(self, number: int, between: bytes) -> None:
        if between.strip(b" \t\r[],"):
            self._on_skip(number, _problem(between)[1])

    def _complete(self) -> Iterator[tuple[int, Any]]:
        pending, self._pending = bytes(self._pending), bytearray()
        try:
            document = json.loads(pending)
        except (ValueError, RecursionError):
            line, problem = _problem(pending)
            self._on_skip(self._first + line - 1, problem)
        else:
            yield self._first, document

    def _skip_pending(self, number: int, problem: str | None) -> None:
        """Skip the pending lines, and the lines to come that belong to the same document."""
        pending, self._pending, self._depth = bytes(self._pending), bytearray(), 0
        self._is_skipping = pending.count(b"\n") > 1
        if problem is None:
            line, problem = _problem(pending)
            number = self._first + line - 1
        self._on_skip(number, problem)


def _structure(text: bytes) -> Iterator[tuple[bytes, int]]:
    """The braces and brackets of a line with their positions; a quotation mark comes last if the line ends in text."""
    is_text = False
    for match in _STRUCTURE.finditer(text):
        token = match[0]
        if token == b'"':
            is_text = not is_text
        elif not is_text and len(token) == 1:
            yield token, match.start()
    if is_text:
        yield b'"', len(text)


def _problem(text: bytes) -> tuple[int, str]:
    """The line of a text that is no JSON, counted from 1, and the reason."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return min(error.lineno, text.rstrip().count(b"\n") + 1), f"it is no JSON: {error.msg}"
    except UnicodeDecodeError:
        return 1, "it is no JSON: it is not in UTF-8"
    except RecursionError:
        return 1, _TOO_DEEP
    except ValueError:
        return 1, "it is no JSON: a number has too many digits"
    return 1, "it is no JSON document"
