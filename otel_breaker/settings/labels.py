"""The text that tells breakers apart: names and keys, kept to what every exporter and back end can bear.

What an author wrote and telemetry cannot bear is refused; what is made from code or from a call's arguments, which
nobody wrote, is cleaned. Either way no credentials of a URL are left in it.
"""

from __future__ import annotations

import re
from typing import Final

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings.values import text

LONGEST: Final = 256

# Control characters, line ends, marks that turn the direction of text, and halves of surrogate pairs, which UTF-8
# does not know: one of those loses a whole batch of spans.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
# Looked for from the first `//` on: who logs in, and the query, where tokens and signatures are.
_SECRETS: Final = re.compile(r"(?<=//)[^/?#\s]*@|[?#]\S*")


def name(value: object, path: str) -> str:
    """A breaker's name as its author wrote it.

    Args:
        value: the name.
        path: where it stands.

    Raises:
        InvalidSettings: when it is no text, is blank, or is not clean; does not repeat what it must not hold.
    """
    written = text(value, path)
    cleaned = clean(written)
    if cleaned != written or not written.strip():
        problem = f"the name is blank, has over {LONGEST} characters, unprintable ones, or a URL's user or query"
        raise InvalidSettings(path, problem, f"write {cleaned[:80]!r}" if cleaned.strip() else "write some text")
    return cleaned


def clean(made: str) -> str:
    """Text that nobody wrote: printable, bounded, and without what may be secret in a URL.

    A URL keeps its scheme, host, port and path. `user:password@host` without `//` is left as it is: it looks like
    many an honest key.
    """
    if not made.isprintable():
        made = printable(made)
    if "//" in made:
        before, slashes, after = made.partition("//")
        made = before + _SECRETS.sub("", slashes + after)  # before it is cut: half of a password is no user
    return made[:LONGEST]


def printable(said: str) -> str:
    """Text with each character that would break a line, or an exporter, replaced."""
    return _UNPRINTABLE.sub(_REPLACEMENT, said)
