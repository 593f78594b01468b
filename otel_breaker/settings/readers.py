"""Readers: functions that read one value, a number, a duration or a choice, or raise an error that names a remedy.

A reader takes the value and its path, and returns the value as the settings keep it. It carries a JSON Schema of the
values that a file may hold, which may allow more than the reader but never less. Values that refer to code are read in
references.py.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings.messages import LARGEST, allowed, no_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

T_co = TypeVar("T_co", covariant=True)
Choice = TypeVar("Choice", bound=Enum)
Schema: TypeAlias = Mapping[str, object]

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)"
_WRITTEN: Final = rf"^\s*{_DURATION}\s*$"
_MOST_DIGITS: Final = 18
"""Of a whole number as text; Python refuses to read one of thousands."""
_FLAGS: Final = {
    **dict.fromkeys(("true", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "0", "no", "off"), False),
}

AUTO: Final = "auto"
SHORTEST_INTERVAL: Final = 0.01
A_DURATION: Final = 'seconds as a number, or text with a unit such as "500ms", "30s" or "10m"'


@dataclass(frozen=True)
class Reader(Generic[T_co]):
    """Reads one kind of value."""

    read: Callable[[object, str], T_co]
    schema: Schema
    """The values that a file may hold, in JSON Schema."""

    def __call__(self, value: object, path: str) -> T_co:
        return self.read(value, path)


def reads(**schema: object) -> Callable[[Callable[[object, str], T_co]], Reader[T_co]]:
    """Make a reader of a function and the schema of its values; a decorator."""
    return lambda read: Reader(read, schema)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole(minimum: int) -> Reader[int]:
    @reads(type="integer", minimum=minimum)
    def read(value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= LARGEST:
            raise no_text(path, value, f"a whole number of at least {minimum}")
        return value

    return read


@reads(anyOf=[{"type": "integer", "minimum": 1}, {"const": AUTO}])
def whole_or_auto(value: object, path: str) -> int | str:
    """A whole number of at least 1, or the word for one that is found."""
    if value == AUTO:
        return AUTO
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
        raise allowed(path, value, f"a whole number of at least 1, or {AUTO}")
    return value


@reads(type="number", exclusiveMinimum=0, maximum=1)
def share(value: object, path: str) -> float:
    number = _number(value)
    if number is None or not 0 < number <= 1:
        raise no_text(path, value, "a share above 0 and at most 1, such as 0.5")
    return number


@reads(type="number", minimum=0, maximum=1)
def share_or_zero(value: object, path: str) -> float:
    number = _number(value)
    if number is None or not 0 <= number <= 1:
        raise no_text(path, value, "a share from 0 to 1, such as 0.2")
    return number


@reads(type="number", minimum=1)
def factor(value: object, path: str) -> float:
    number = _number(value)
    if number is None or number < 1:
        raise no_text(path, value, "a number of at least 1; 2 doubles each time")
    return number


@reads(type=["number", "string"], exclusiveMinimum=0, pattern=_WRITTEN)
def duration(value: object, path: str) -> float:
    """Seconds, from a number, a timedelta or text with a unit; above 0."""
    seconds = _seconds(value)
    if seconds is None or not 0 < seconds < math.inf:
        raise allowed(path, value, f"{A_DURATION}, above 0")
    return seconds


@reads(type=["number", "string"], minimum=SHORTEST_INTERVAL, pattern=_WRITTEN)
def interval(value: object, path: str) -> float:
    """Seconds between two checks, as a duration that leaves time for other work."""
    seconds = duration(value, path)
    if seconds < SHORTEST_INTERVAL:
        raise allowed(path, value, f"{A_DURATION}, of at least 10ms")
    return seconds


def _seconds(value: object) -> float | None:
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, str):
        match = re.fullmatch(_DURATION, value.strip())
        return float(match[1]) * _UNITS[match[2]] if match else None
    from datetime import timedelta  # noqa: PLC0415  # most applications give numbers and text

    return value.total_seconds() if isinstance(value, timedelta) else None


@reads(type=["integer", "string"], minimum=1, pattern=_WRITTEN)
def window(value: object, path: str) -> int | timedelta:
    """A number of calls, or a duration as text or timedelta."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST:
        return value
    if not isinstance(value, int | float):
        from datetime import timedelta  # noqa: PLC0415  # as above

        seconds = _seconds(value)
        shortest, longest = timedelta.resolution.total_seconds(), timedelta.max.total_seconds()
        if seconds is not None and shortest <= seconds < longest:
            return timedelta(seconds=seconds)
    raise allowed(path, value, 'a number of calls of at least 1, or a duration as text such as "60s"')


def choice(kind: type[Choice]) -> Reader[Choice]:
    """Reads a member of an enum, or its value."""
    known = [each.value for each in kind]

    @reads(enum=[*known, False] if "off" in known else known)
    def read(value: object, path: str) -> Choice:
        try:
            return kind("off" if value is False else value)  # YAML 1.1 reads a bare `off` so
        except ValueError:
            raise allowed(path, value, f"one of {', '.join(known)}") from None

    return read


@reads(enum=[True, False, *_FLAGS])
def flag(value: object, path: str) -> bool:
    read = _FLAGS.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(read, bool):
        raise allowed(path, value, "true or false")
    return read


@reads(type=["integer", "string", "null"], minimum=0, pattern=r"^\s*[0-9]+\s*$")
def limit(value: object, path: str) -> int | None:
    """A whole number, also as text, or none."""
    if isinstance(value, str) and len(value) <= _MOST_DIGITS and value.strip().isdecimal():
        value = int(value)
    return None if value is None else whole(0)(value, path)


@reads(type="string", minLength=1)
def text(value: object, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise allowed(path, value, "text")
    return value


def mapping(value: object, path: str) -> Mapping[str, object]:
    """A mapping of names to values; None is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise no_text(path, value, "a mapping of names to values")
    return value


def each(read: Callable[[object, str], T_co], items: Iterable[object], path: str) -> tuple[T_co, ...]:
    """Read each item of a list.

    Raises:
        InvalidSettings: for the first wrong item, with the others.
    """
    found, wrong = [], []
    for index, item in enumerate(items):
        try:
            found.append(read(item, f"{path}[{index}]"))
        except InvalidSettings as error:
            wrong.append(error)
    if wrong:
        wrong[0].others = tuple(wrong[1:])
        raise wrong[0]
    return tuple(found)


def optional(reader: Reader[T_co]) -> Reader[T_co | None]:
    """Reads None, too."""
    return Reader(
        lambda value, path: None if value is None else reader(value, path),
        {"anyOf": [reader.schema, {"type": "null"}]},
    )
