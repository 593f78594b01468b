"""Reading single values: what a number, a duration or a name may look like, and the error when it does not.

Every reader takes the value and the path where it stands, and returns the value as the settings keep it. Values
that stand for code are code.py's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from otel_breaker.errors import InvalidSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_LONGEST: Final = 80
_MOST_NAMES: Final = 30
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")

A_DURATION: Final = 'seconds as a number, or text with a unit such as "500ms", "30s" or "10m"'


def allowed(path: str, value: object, remedy: str) -> InvalidSettings:
    """The error for a value that is not allowed; shows at most a line of it."""
    return InvalidSettings(path, f"{repr(value)[:_LONGEST]} is not allowed", remedy)


def nearest(name: str, known: Iterable[str]) -> str:
    """A remedy for a name that is not known: the one that was probably meant, or all there are."""
    known = sorted(known)
    close = get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known are {', '.join(known)}" if 0 < len(known) <= _MOST_NAMES else "is it spelt right?"


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def whole(minimum: int) -> Callable[[object, str], int]:
    def read(value: object, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            raise allowed(path, value, f"a whole number of at least {minimum}")
        return value

    return read


def share(value: object, path: str) -> float:
    number = _number(value)
    if number is None or not 0 < number <= 1:
        raise allowed(path, value, "a share above 0 and at most 1, such as 0.5")
    return number


def share_or_zero(value: object, path: str) -> float:
    number = _number(value)
    if number is None or not 0 <= number <= 1:
        raise allowed(path, value, "a share from 0 to 1, such as 0.2")
    return number


def factor(value: object, path: str) -> float:
    number = _number(value)
    if number is None or number < 1:
        raise allowed(path, value, "a number of at least 1; 2 doubles each time")
    return number


def duration(value: object, path: str) -> float:
    """Seconds, from a number, a timedelta or text with a unit; above 0."""
    seconds = _seconds(value)
    if seconds is None or not 0 < seconds < math.inf:
        raise allowed(path, value, f"{A_DURATION}, above 0")
    return seconds


def _seconds(value: object) -> float | None:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        return float(match[1]) * _UNITS[match[2]] if match else None
    return _number(value)


def window(value: object, path: str) -> int | timedelta:
    """So many calls as a number, or a duration as text or timedelta."""
    if isinstance(value, str | timedelta):
        seconds = _seconds(value)
        shortest, longest = timedelta.resolution.total_seconds(), timedelta.max.total_seconds()
        if seconds is not None and shortest <= seconds < longest:
            return timedelta(seconds=seconds)
    elif isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise allowed(path, value, 'a number of calls of at least 1, or a duration as text such as "60s"')


def text(value: object, path: str) -> str:
    if not isinstance(value, str) or not value:
        raise allowed(path, value, "text")
    return value


def mapping(value: object, path: str) -> Mapping[str, object]:
    """Names to values; nothing at all is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise allowed(path, value, "a mapping of names to values")
    return value


def optional(read: Callable[[object, str], object]) -> Callable[[object, str], object]:
    return lambda value, path: None if value is None else read(value, path)
