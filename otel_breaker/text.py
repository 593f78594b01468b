"""Text made safe to show: what the names of types and other things that nobody wrote for telemetry look like there.

Nothing here raises, whatever it is given.
"""

from __future__ import annotations

import re
from typing import Final

from otel_breaker.type_memo import TypeMemo

UNNAMED: Final = "_OTHER"
"""What OpenTelemetry's `error.type` says of an error that has no name."""

LONGEST: Final = 256
"""The most characters of a name, a key or the type of an error."""

# Control characters, line ends, marks that turn the direction of text, and halves of surrogate pairs, which UTF-8
# does not know: one of those loses a whole batch of spans.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

# Read past the metaclass, which may answer for these names itself, and raise.
_qualname_of: Final = type.__dict__["__qualname__"].__get__
_module_of: Final = type.__dict__["__module__"].__get__

_names: Final[TypeMemo[str]] = TypeMemo(1_000)
_known_names: Final = _names.known


def printable(text: str) -> str:
    """Text with each character that would break a line, or an exporter, replaced."""
    return text if text.isprintable() else _UNPRINTABLE.sub(_REPLACEMENT, text)


def type_name(failure: type | str) -> str:
    """How telemetry names a type: qualified by its module, built-in ones bare; a name stays as it is.

    The same form as `exception.type` in the OpenTelemetry SDK's exception events.
    """
    known = _known_names.get(id(failure))
    if known is None:
        if isinstance(failure, str):
            return failure
        known = _name_of(failure)
        _names.learn(failure, known)
    return known


def _name_of(kind: type) -> str:
    name = _qualname_of(kind)
    try:
        module = _module_of(kind)
    except AttributeError:  # the class has deleted it
        module = None
    if type(module) is str and module != "builtins":
        name = f"{module}.{name}"
    return printable(name)[:LONGEST]
