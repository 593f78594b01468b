"""Identifiers: the name and the key of a breaker, within the limits of every exporter and back end.

A name that an author wrote is refused when it is over the limits; a name that is made from code is cleaned. A key is
made from a call's arguments, which may hold secrets: a circuit is found by its whole key, and telemetry shows the part
that is known to be safe.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings.messages import allowed
from otel_breaker.text import LONGEST, clean, printable

if TYPE_CHECKING:
    from collections.abc import Hashable

# The patterns are text, which `re` compiles at its first use.

# Known to be safe: words, numbers, paths, hosts with ports, identifiers with colons, URLs made of these.
_SAFE: Final = r"(?:[A-Za-z0-9_./,+~*()\[\]|' -]|[^\x00-\x7f]|:(?=[\w\[:]|//))*"
_SCHEME: Final = r"(?:^|(?<=\s))[a-z][a-z0-9+.-]{0,30}://|^//"
_AUTHORITY_ENDS: Final = "[/?#]"

# Some words and identifiers look safe and are not: those after a word that announces a secret, unless they are a port,
# and long words that mix upper case, lower case and digits, as tokens do.
_ANNOUNCED: Final = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|bearer|basic|cookie|authorization|credentials?|api.?key)"
    r"(?=[:\s](?!\s*\d{1,5}(?:[/\s]|$)))"
)
_LONG_WORD: Final = r"[A-Za-z0-9_-]{28,}"
_OF_A_TOKEN: Final = ("[a-z]", "[A-Z]", "[0-9]")


def name(value: object, path: str) -> str:
    """A breaker's name, unchanged.

    Args:
        value: the name.
        path: its path, for errors.

    Raises:
        InvalidSettings: when it is no text, is blank, or is not clean; the error does not repeat it.
    """
    if not isinstance(value, str) or not value:
        raise allowed(path, value, "text")
    cleaned = clean(value)
    if cleaned != value or not value.strip():
        problem = (
            f"the name is blank, has over {LONGEST} characters, unprintable ones, or a secret such as a URL's user"
        )
        raise InvalidSettings(path, problem, f"write {cleaned[:80]!r}" if cleaned.strip() else "write some text")
    return value


def identity(key: str) -> Hashable:
    """Finds the circuit of a key: the key itself; of a long key a digest, so that no circuit keeps a document."""
    return key if len(key) <= LONGEST else _digest(key, 16)


def shown(key: str) -> str:
    """A key as telemetry, errors and snapshots show it.

    A key that is known to be safe is shown as it is. Of any other key the safe beginning is shown, of a URL with a user
    its host, followed by a short digest of the whole, such as `https://example.com/pay [#3f2a91bc]`: the digest
    distinguishes keys without showing them.
    """
    safe = _known_to_be_safe(key)
    if safe == key:
        return key
    digest = f"[#{_digest(key, 4).hex()}]"
    return f"{safe[: LONGEST - len(digest) - 1].rstrip()} {digest}".lstrip()


def _known_to_be_safe(key: str) -> str:
    kept = printable(_without_user(key)[: LONGEST + 1])
    match = re.match(_SAFE, kept.partition("\N{REPLACEMENT CHARACTER}")[0])
    kept = match.group()[:LONGEST] if match else ""
    announced = re.search(_ANNOUNCED, kept, re.IGNORECASE)
    if announced:
        kept = kept[: announced.end()]
    for word in re.finditer(_LONG_WORD, kept):
        if all(re.search(kind, word.group()) for kind in _OF_A_TOKEN):
            return kept[: word.start()]
    return kept


def _without_user(key: str) -> str:
    """A URL without its user and password; only its scheme where these cannot be found."""
    if "@" not in key:
        return key
    found = re.search(_SCHEME, key, re.IGNORECASE)
    start = found.end() if found else 0
    scheme, rest = key[:start], key[start:]
    if "@" in scheme:
        return ""
    authority = re.split(_AUTHORITY_ENDS, rest, maxsplit=1)[0]
    # A password that is not encoded may hold `/` or `?`.
    return scheme if "@" in rest[len(authority) :] else scheme + rest[authority.rfind("@") + 1 :]


def _digest(key: str, size: int) -> bytes:
    from hashlib import blake2b  # noqa: PLC0415  # loads OpenSSL, and few keys need a digest

    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=size).digest()
