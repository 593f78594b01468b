"""The text that tells breakers apart: names and keys, kept to what every exporter and back end can bear.

What an author wrote and telemetry cannot bear is refused; what is made from code or from a call's arguments, which
nobody wrote, is cleaned. Either way no credentials of a URL are left in it.
"""

from __future__ import annotations

import re
from typing import Final

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings.values import text
from otel_breaker.text import LONGEST, printable

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
    made = printable(made)
    if "//" in made:
        before, slashes, after = made.partition("//")
        made = before + _SECRETS.sub("", slashes + after)  # before it is cut: half of a password is no user
    return made[:LONGEST]
