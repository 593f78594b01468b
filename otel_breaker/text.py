"""Text made safe to show: the names of types, an operator's words and other text that was not written for telemetry.

No function here raises for any text.
"""

from __future__ import annotations

import re
from typing import Final

from otel_breaker.type_memo import TypeMemo

OTHER: Final = "_OTHER"
"""Stands for what has no name of its own: OpenTelemetry's value for an `error.type` of no known name."""

LONGEST: Final = 256
"""The most characters of a name, a key or the type of an error."""

# Patterns that few texts need are text: `re` compiles them at their first use.

# Control characters, line ends, marks that change the direction of text, and halves of surrogate pairs, which UTF-8
# cannot encode: a single one makes an exporter lose a whole batch of spans.
_UNPRINTABLE: Final = "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

LONGEST_OPERATOR_TEXT: Final = 1_024
"""The most characters of an operator's reason or name."""

_HIDDEN: Final = "***"
_WORD: Final = r"\S+"
_MAY_HOLD_SECRETS: Final = re.compile(r"[=@?;#\s]")
_PARAMETERS: Final = "[?#;]"
_SPACED_LOGIN: Final = r"//[^\s/@]{1,256}:\s+[^\s@]{1,256}@"
_ASSIGNED: Final = (
    r"((?:pass(?:word|wd|phrase)?|pwd|secret|token|cookie|session.?id|credentials?|(?:api|access).?key|signature)"
    r"[\w-]{0,40}[\"']?\s{0,3}(?:=|:\s)\s{0,3}|(?:bearer|basic)\s{1,3}(?=\S*\d))"
    r"(?:\"[^\"]*\"|'[^']*'|[^\s,;&]+)"
)

# Read past the metaclass, which may define these names itself, and raise.
_qualname_of: Final = type.__dict__["__qualname__"].__get__
_module_of: Final = type.__dict__["__module__"].__get__

_names: Final[TypeMemo[str]] = TypeMemo(1_000)
_known_names: Final = _names.by_id


def printable(text: str) -> str:
    """Text with each character that would break a line, or an exporter, replaced."""
    return text if text.isprintable() else re.sub(_UNPRINTABLE, _REPLACEMENT, text)


def operator_text(written: str | None) -> str | None:
    """An operator's words, which may be pasted: printable, bounded, and without secrets of known shapes."""
    if written is None:
        return None
    return without_secrets(printable(str(written)))[:LONGEST_OPERATOR_TEXT]  # cut last: half a secret has no shape


def clean(made: str) -> str:
    """Text made from code, as a name: printable, bounded, and without the parts of a URL that may be secret."""
    return without_secrets(printable(made))[:LONGEST]


def without_secrets(text: str) -> str:
    """Text without users, passwords and parameters of URLs, and without the values of names that announce secrets."""
    if _MAY_HOLD_SECRETS.search(text) is None:
        return text
    text = re.sub(_SPACED_LOGIN, "//", text)
    text = re.sub(_ASSIGNED, rf"\1{_HIDDEN}", text, flags=re.IGNORECASE)
    return re.sub(_WORD, _without_parameters, text) if "//" in text or "=" in text else text


def _without_parameters(word: re.Match[str]) -> str:
    before, slashes, after = word.group().partition("//")
    if slashes:
        return before + slashes + re.split(_PARAMETERS, after.rpartition("@")[2], maxsplit=1)[0]
    path = re.split(_PARAMETERS, before, maxsplit=1)[0]
    return path if "=" in before[len(path) :] else before


def type_name(failure: type | str) -> str:
    """The name of a type in telemetry: qualified by its module unless that is builtins. A name is only bounded.

    The form is that of `exception.type` in the OpenTelemetry SDK's exception events.
    """
    known = _known_names.get(id(failure))
    if known is None:
        if isinstance(failure, str):
            return printable(failure[:LONGEST])
        known = _name_of(failure)
        _names.add(failure, known)
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
