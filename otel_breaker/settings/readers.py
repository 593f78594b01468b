"""Reading single values: what a number, a duration or a name may look like, and the error when it does not.

Every reader takes the value and the path where it stands, and returns the value as the settings keep it; it carries
a JSON Schema of what may be written in a file, which may allow more than the reader but never less. Values that stand
for code are code.py's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar

from otel_breaker.errors import InvalidSettings
from otel_breaker.text import type_name

if TYPE_CHECKING:
    from collections.abc import Iterable

T_co = TypeVar("T_co", covariant=True)
Schema: TypeAlias = Mapping[str, object]

_LONGEST: Final = 80
_MOST_NAMES: Final = 30
_MOST_COMPARED: Final = 1000
_LARGEST: Final = 2**63 - 1
"""What telemetry can say of a whole number."""
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_WRITTEN: Final = rf"^\s*{_DURATION.pattern}\s*$"
_MAY_BE_SECRET: Final = re.compile("[@=?&;]")
"""What stands in URLs with a password or a token, connection strings and environment files; in no setting."""
_A_NUMBER: Final = re.compile(r"[-+.\d]{1,10}")
_KINDS: Final[Mapping[type, str]] = {str: "text", dict: "a mapping", list: "a list", tuple: "a tuple"}

SHORTEST_INTERVAL: Final = 0.01
A_DURATION: Final = 'seconds as a number, or text with a unit such as "500ms", "30s" or "10m"'


def allowed(path: str, value: object, remedy: str) -> InvalidSettings:
    """The error for a value that is not allowed where text may stand: shows at most a line of it."""
    if isinstance(value, str) and not _MAY_BE_SECRET.search(value):
        return InvalidSettings(path, f"{value[:_LONGEST]!r} is not allowed", remedy)
    return no_text(path, value, remedy)


def no_text(path: str, value: object, remedy: str) -> InvalidSettings:
    """The error for a value that is not allowed where no text may stand, which is not shown: it may be a secret."""
    return InvalidSettings(path, f"{shown(value)} is not allowed", remedy)


def shown(value: object) -> str:
    """What a message says of a value: numbers and flags as they are, in quotes, too; text and code by their kind."""
    if value is None or isinstance(value, bool | float | complex | timedelta):
        return repr(value)
    if isinstance(value, int):
        return repr(value) if abs(value) <= _LARGEST else "a number beyond 64 bits"
    if isinstance(value, str) and (not value or _A_NUMBER.fullmatch(value)):
        return repr(str(value))
    if isinstance(value, type):
        return type_name(value)
    kind = type(value)
    if kind in _KINDS:
        return _KINDS[kind] if value else repr(value)
    return type_name(kind)


def said(settings: Mapping[str, object]) -> str:
    """What a message says of settings that were given."""
    return ", ".join(f"{name}={shown(value)}" for name, value in settings.items())


def below(path: str, key: object) -> str:
    """The path of what stands under a key, which anybody may have written."""
    if not isinstance(key, str):
        key = shown(key)
    elif _MAY_BE_SECRET.search(key):
        key = f"(a name of {len(key)} characters)"
    return f"{path}.{key[:_LONGEST]}" if path else key[:_LONGEST]


def nearest(name: object, known: Iterable[str]) -> str:
    """A remedy for a name that is not known: the one that was probably meant, or all there are."""
    known = sorted(known)
    if isinstance(name, str) and len(name) <= _LONGEST and len(known) <= _MOST_COMPARED:
        close = get_close_matches(name, known, n=1)
        if close:
            return f"did you mean {close[0]!r}?"
    return f"known are {', '.join(known)}" if 0 < len(known) <= _MOST_NAMES else "is it spelt right?"


@dataclass(frozen=True)
class Reader(Generic[T_co]):
    """Reads one kind of value."""

    read: Callable[[object, str], T_co]
    schema: Schema
    """What may be written in a file, in JSON Schema."""

    def __call__(self, value: object, path: str) -> T_co:
        return self.read(value, path)


def reads(**schema: object) -> Callable[[Callable[[object, str], T_co]], Reader[T_co]]:
    """Make a reader of a function; a decorator."""
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
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= _LARGEST:
            raise no_text(path, value, f"a whole number of at least {minimum}")
        return value

    return read


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
    """Seconds between two looks at something, as a duration, which leave time for anything else."""
    seconds = duration(value, path)
    if seconds < SHORTEST_INTERVAL:
        raise allowed(path, value, f"{A_DURATION}, of at least 10ms")
    return seconds


def _seconds(value: object) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        return float(match[1]) * _UNITS[match[2]] if match else None
    return _number(value)


@reads(type=["integer", "string"], minimum=1, pattern=_WRITTEN)
def window(value: object, path: str) -> int | timedelta:
    """So many calls as a number, or a duration as text or timedelta."""
    if isinstance(value, str | timedelta):
        seconds = _seconds(value)
        shortest, longest = timedelta.resolution.total_seconds(), timedelta.max.total_seconds()
        if seconds is not None and shortest <= seconds < longest:
            return timedelta(seconds=seconds)
    elif isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST:
        return value
    raise allowed(path, value, 'a number of calls of at least 1, or a duration as text such as "60s"')


@reads(type="string", minLength=1)
def text(value: object, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise allowed(path, value, "text")
    return value


def mapping(value: object, path: str) -> Mapping[str, object]:
    """Names to values; nothing at all is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise no_text(path, value, "a mapping of names to values")
    return value


def each(read: Callable[[object, str], T_co], items: Iterable[object], path: str) -> tuple[T_co, ...]:
    """Read each of a list.

    Raises:
        InvalidSettings: the first mistake, with the others.
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
    """Reads nothing at all, too."""
    return Reader(
        lambda value, path: None if value is None else reader(value, path),
        {"anyOf": [reader.schema, {"type": "null"}]},
    )
