"""How long a failure asks to stay away: reading what an application points to, in seconds."""

from __future__ import annotations

import math
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def asked(failure: object, how: str | Callable[[Any], object]) -> float | None:
    """Seconds that an exception or a result asks to wait; None when it does not ask.

    Args:
        failure: the exception, or the result that is a failure.
        how: the path of attributes, or of a mapping's keys such as `headers.Retry-After`; or what reads it.

    Raises:
        Exception: what the application's own code raised while it was asked.
    """
    found = how(failure) if not isinstance(how, str) else _at_path(failure, how)
    try:
        return _seconds(found)
    except (ValueError, OverflowError, OSError):  # a date that no clock can show
        return None


def _at_path(failure: object, path: str) -> object:
    found: Any = failure
    for name in path.split("."):
        step = getattr(found, name, None)
        if step is None and hasattr(type(found), "get"):  # a mapping, such as the headers of every HTTP client
            step = found.get(name)
        found = step
    return found


def _seconds(found: object) -> float | None:
    """Seconds from a number, from text with a number, or from an HTTP date (RFC 9110, section 10.2.3)."""
    if isinstance(found, bytes):
        found = found.decode("ascii", "replace")
    if isinstance(found, str):
        found = _number_or_date(found.strip())
    if isinstance(found, datetime):
        return max(0.0, found.astimezone(timezone.utc).timestamp() - time.time())
    if isinstance(found, bool) or not isinstance(found, int | float) or math.isnan(found):
        return None
    return max(0.0, float(found))


def _number_or_date(text: str) -> float | datetime | None:
    try:
        return float(text)
    except ValueError:
        pass
    from email.utils import parsedate_to_datetime  # noqa: PLC0415  # brings half of the network library with it

    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    # The oldest of the three forms of an HTTP date names no zone: it is GMT, like the others.
    return date if date.tzinfo is not None else date.replace(tzinfo=timezone.utc)
