"""Reads the fields of OTLP/JSON: each has a type and a range, and what is of another is a `Misfit` that says where.

It bears with what writers differ in: ids may be hexadecimal or base64, members of enumerations numbers or names,
64-bit integers text or numbers; null is a field that is not there. Nothing here knows a signal.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
Json = dict[str, Any]

_LATEST: Final = 2**64
_LARGEST: Final = 2**63
_IDS: Final = (8, 16)
"""Bytes of a span's id and of a trace's."""
_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]{16}|[0-9a-fA-F]{32}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,20}")
_SEVERITY: Final = re.compile(r"SEVERITY_NUMBER_(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)([234]?)")
_SEVERITIES: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")


class FieldError(Exception):
    """A value is not what OTLP wants there.

    Args:
        problem: what is wrong, without the value itself.
        path: where the value is, from where the reader stands.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path

    def within(self, step: str) -> FieldError:
        """The same, seen from one step further out."""
        dot = "." if self.path and not self.path.startswith("[") else ""
        self.path = f"{step}{dot}{self.path}"
        return self

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


def required(owner: Json, name: str, read: Callable[[Any], T]) -> T:
    """A field that has to be there."""
    said = owner.get(name)
    if said is None:
        raise FieldError("it is missing", name)
    try:
        return read(said)
    except FieldError as misfit:
        raise misfit.within(name) from None


def optional(owner: Json, name: str, read: Callable[[Any], T], default: T) -> T:
    said = owner.get(name)
    if said is None:
        return default
    try:
        return read(said)
    except FieldError as misfit:
        raise misfit.within(name) from None


def each(owner: Json, name: str, read: Callable[[Any], T]) -> list[T]:
    """A field that is a list, empty when it is not there."""
    found = []
    listed: list[Any] = optional(owner, name, items, [])
    for index, item in enumerate(listed):
        try:
            found.append(read(item))
        except FieldError as misfit:
            raise misfit.within(f"{name}[{index}]") from None
    return found


def items(said: Any) -> list[Any]:
    if type(said) is list:
        return said
    raise FieldError("it is no list")


def an_object(said: Any) -> Json:
    if type(said) is dict:
        return said
    raise FieldError("it is no object")


def text(said: Any) -> str:
    if type(said) is str:
        return said
    raise FieldError("it is no text")


def flag(said: Any) -> bool:
    if type(said) is bool:
        return said
    raise FieldError("it is neither true nor false")


def integer(said: Any) -> int:
    """64 bits do not fit a JSON number, so OTLP writes them as text."""
    number = _whole(said)
    if abs(number) <= _LARGEST:
        return number
    raise FieldError("it is larger than 64 bits")


def time(said: Any) -> int:
    """Nanoseconds since the epoch."""
    nanoseconds = _whole(said)
    if 0 <= nanoseconds < _LATEST:
        return nanoseconds
    raise FieldError("it is no time")


def _whole(said: Any) -> int:
    if type(said) is int:
        return said
    if (type(said) is str and _INTEGER.fullmatch(said)) or (type(said) is float and said.is_integer()):
        return int(said)
    raise FieldError("it is no whole number")


def number(said: Any) -> float:
    """A double; what JSON has no number for is text, `NaN` or `Infinity`."""
    if type(said) in (int, float, str):
        try:
            return float(said)
        except (ValueError, OverflowError):
            pass
    raise FieldError("it is no number")


def identity(said: Any) -> str:
    """An id in lower-case hexadecimal; empty for none, which some writers say with zeros."""
    written = text(said)
    if not written or _HEXADECIMAL.fullmatch(written):
        found = written.lower()
    else:
        try:
            raw = base64.b64decode(written, validate=True)
        except ValueError:
            raw = b""
        if len(raw) not in _IDS:
            raise FieldError("it is no id")
        found = raw.hex()
    return found if found.strip("0") else ""


def member(prefix: str, names: Mapping[int, str]) -> Callable[[Any], str]:
    """Reads the plain name of an enumeration's member, however it was written; empty for one that is not known."""
    numbers = {prefix + (name or "unspecified").upper(): number for number, name in names.items()}

    def read(said: Any) -> str:
        return names.get(numbers.get(said, 0) if type(said) is str else integer(said), "")

    return read


def severity(said: Any) -> int:
    """OpenTelemetry's severity number; 0 for a name that is not known."""
    if type(said) is not str:
        return integer(said)
    found = _SEVERITY.fullmatch(said)
    return 4 * _SEVERITIES.index(found[1]) + int(found[2] or 1) if found else 0
