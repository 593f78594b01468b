"""Reads the fields of OTLP/JSON: each has a type and a range, and a value of another one is a `FieldError` with a path.

Writers differ, and all of these are accepted: ids in hexadecimal or base64, enumeration members as numbers or names,
64-bit integers as text or numbers. Null is a field that is absent. No signal is known here.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")
Json = dict[str, Any]

_TIME_LIMIT: Final = 2**64
_MAX_INTEGER: Final = 2**63
_ID_LENGTHS: Final = (8, 16)
"""Bytes of a span id and of a trace id."""
_HEXADECIMAL: Final = re.compile(r"[0-9a-fA-F]{16}|[0-9a-fA-F]{32}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,20}")
_SEVERITY: Final = re.compile(r"SEVERITY_NUMBER_(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)([234]?)")
_SEVERITIES: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")


class FieldError(Exception):
    """A value is not what OTLP requires.

    Args:
        problem: what is wrong, without the value itself.
        path: where the value is, relative to the object that is read.
    """

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path

    def within(self, step: str) -> FieldError:
        """The same error, with its path relative to the object around."""
        dot = "." if self.path and not self.path.startswith("[") else ""
        self.path = f"{step}{dot}{self.path}"
        return self

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}" if self.path else self.problem


def required(owner: Json, name: str, read: Callable[[Any], T]) -> T:
    """Read a field that must be present."""
    value = owner.get(name)
    if value is None:
        raise FieldError("it is missing", name)
    try:
        return read(value)
    except FieldError as error:
        raise error.within(name) from None


def optional(owner: Json, name: str, read: Callable[[Any], T], default: T) -> T:
    """Read a field, or return the default when it is absent."""
    value = owner.get(name)
    if value is None:
        return default
    try:
        return read(value)
    except FieldError as error:
        raise error.within(name) from None


def each(owner: Json, name: str, read: Callable[[Any], T]) -> list[T]:
    """Read the items of a field that is a list; empty when it is absent."""
    results = []
    values: list[Any] = optional(owner, name, array, [])
    for index, value in enumerate(values):
        try:
            results.append(read(value))
        except FieldError as error:
            raise error.within(f"{name}[{index}]") from None
    return results


def array(value: Any) -> list[Any]:
    if type(value) is list:
        return value
    raise FieldError("it is no list")


def json_object(value: Any) -> Json:
    if type(value) is dict:
        return value
    raise FieldError("it is no object")


def text(value: Any) -> str:
    if type(value) is str:
        return value
    raise FieldError("it is no text")


def boolean(value: Any) -> bool:
    if type(value) is bool:
        return value
    raise FieldError("it is neither true nor false")


def integer(value: Any) -> int:
    """Read an integer of 64 bits, which OTLP writes as text since a JSON number does not hold it."""
    number = _whole_number(value)
    if abs(number) <= _MAX_INTEGER:
        return number
    raise FieldError("it is larger than 64 bits")


def time(value: Any) -> int:
    """Read a time in nanoseconds since the epoch."""
    nanoseconds = _whole_number(value)
    if 0 <= nanoseconds < _TIME_LIMIT:
        return nanoseconds
    raise FieldError("it is no time")


def _whole_number(value: Any) -> int:
    if type(value) is int:
        return value
    if (type(value) is str and _INTEGER.fullmatch(value)) or (type(value) is float and value.is_integer()):
        return int(value)
    raise FieldError("it is no whole number")


def number(value: Any) -> float:
    """Read a double; `NaN` and `Infinity`, which are no JSON numbers, are text."""
    if type(value) in (int, float, str):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise FieldError("it is no number")


def hex_id(value: Any) -> str:
    """Read an id in lower-case hexadecimal; empty for none, which some writers write as zeros."""
    written = text(value)
    if not written or _HEXADECIMAL.fullmatch(written):
        result = written.lower()
    else:
        try:
            raw = base64.b64decode(written, validate=True)
        except ValueError:
            raw = b""
        if len(raw) not in _ID_LENGTHS:
            raise FieldError("it is no id")
        result = raw.hex()
    return result if result.strip("0") else ""


def enumeration(prefix: str, names: Mapping[int, str]) -> Callable[[Any], str]:
    """Make a reader of an enumeration's members, written as a number or a name; it returns empty for an unknown one."""
    numbers = {prefix + (name or "unspecified").upper(): number for number, name in names.items()}

    def read(value: Any) -> str:
        return names.get(numbers.get(value, 0) if type(value) is str else integer(value), "")

    return read


def severity(value: Any) -> int:
    """Read OpenTelemetry's severity number; 0 for an unknown name."""
    if type(value) is not str:
        return integer(value)
    match = _SEVERITY.fullmatch(value)
    return 4 * _SEVERITIES.index(match[1]) + int(match[2] or 1) if match else 0
