"""Reads how long a failure asks to wait, in seconds, from where the setting `retry_after` points."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


def read(failure: object, source: str | Callable[[Any], object]) -> float | None:
    """Seconds that an exception or a result asks to wait; None when it does not ask.

    Args:
        failure: the exception, or the result that is a failure.
        source: a path of attributes and of a mapping's keys, such as `headers.Retry-After`; or a function of the
            failure.

    Raises:
        Exception: what the application's own code raised.
    """
    value = source(failure) if not isinstance(source, str) else _at_path(failure, source)
    try:
        return _seconds(value)
    except (ValueError, OverflowError, OSError):  # a date outside the range of `datetime`
        return None


def _at_path(failure: object, path: str) -> object:
    value: Any = failure
    for name in path.split("."):
        step = getattr(value, name, None)
        if step is None and hasattr(type(value), "get"):  # a mapping, such as the headers of every HTTP client
            step = value.get(name)
        value = step
    return value


def _seconds(value: object) -> float | None:
    """Seconds from a number, from text with a number, or from an HTTP date (RFC 9110, section 10.2.3)."""
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        value = _number_or_date(value.strip())
    if isinstance(value, int | float):
        return None if isinstance(value, bool) or math.isnan(value) else max(0.0, float(value))
    from datetime import datetime, timezone  # noqa: PLC0415  # most failures ask for a number of seconds, if at all

    if isinstance(value, datetime):
        return max(0.0, value.astimezone(timezone.utc).timestamp() - time.time())
    return None


def _number_or_date(text: str) -> float | datetime | None:
    try:
        return float(text)
    except ValueError:
        pass
    from datetime import timezone  # noqa: PLC0415  # as above
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  # imports much of the standard library

    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    # The oldest of the three formats of an HTTP date has no time zone: it is GMT, like the others.
    return date if date.tzinfo is not None else date.replace(tzinfo=timezone.utc)
