"""The text of errors about settings: how a value, a key or a remedy is shown.

A value may be a secret in the wrong place, so text is shown only where text is allowed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_breaker.errors import InvalidSettings
from otel_breaker.text import type_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LARGEST: Final = 2**63 - 1
"""The largest whole number that telemetry can carry."""

_LONGEST: Final = 80
_MOST_NAMES: Final = 30
_MOST_COMPARED: Final = 1000
_IN_NO_SETTING: Final = "[@=?&;]"
"""Occurs in URLs with a password or a token, connection strings and environment files; in no setting."""
_A_NUMBER: Final = r"[-+.\d]{1,10}"
_KINDS: Final[Mapping[type, str]] = {str: "text", dict: "a mapping", list: "a list", tuple: "a tuple"}


def allowed(path: str, value: object, remedy: str) -> InvalidSettings:
    """The error for a value that is not allowed where text is: shows at most a line of the text."""
    if isinstance(value, str) and not re.search(_IN_NO_SETTING, value):
        return InvalidSettings(path, f"{value[:_LONGEST]!r} is not allowed", remedy)
    return no_text(path, value, remedy)


def no_text(path: str, value: object, remedy: str) -> InvalidSettings:
    """The error for a value that is not allowed where text is not either: does not show text, which may be a secret."""
    return InvalidSettings(path, f"{shown(value)} is not allowed", remedy)


def shown(value: object) -> str:
    """A value as messages show it: numbers and flags as they are, also in quotes; text and code by their kind."""
    if value is None or isinstance(value, bool | float | complex):
        return repr(value)
    if isinstance(value, int):
        return repr(value) if abs(value) <= LARGEST else "a number beyond 64 bits"
    if isinstance(value, str) and (not value or re.fullmatch(_A_NUMBER, value)):
        return repr(str(value))
    if isinstance(value, type):
        return type_name(value)
    kind = type(value)
    if kind in _KINDS:
        return _KINDS[kind] if value else repr(value)
    from datetime import timedelta  # noqa: PLC0415  # needed in few messages

    return repr(value) if isinstance(value, timedelta) else type_name(kind)


def keywords(settings: Mapping[str, object]) -> str:
    """Settings as messages show them."""
    return ", ".join(f"{name}={shown(value)}" for name, value in settings.items())


def below(path: str, key: object) -> str:
    """The path of the value of a key; a key that may hold a secret is shown by its length."""
    if not isinstance(key, str):
        key = shown(key)
    elif re.search(_IN_NO_SETTING, key):
        key = f"(a name of {len(key)} characters)"
    return f"{path}.{key[:_LONGEST]}" if path else key[:_LONGEST]


def nearest(name: object, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the nearest known one, or all of them."""
    from difflib import get_close_matches  # noqa: PLC0415  # needed in few messages

    known = sorted(known)
    if isinstance(name, str) and len(name) <= _LONGEST and len(known) <= _MOST_COMPARED:
        close = get_close_matches(name, known, n=1)
        if close:
            return f"did you mean {close[0]!r}?"
    return f"known are {', '.join(known)}" if 0 < len(known) <= _MOST_NAMES else "is it spelt right?"
