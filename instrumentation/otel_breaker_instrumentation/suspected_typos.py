"""Finds breakers' names that are allowed and probably typos: one name that is spelt in two ways.

A breaker without an entry under `breakers:` has the defaults, which is right for many; and an entry that no target
names may be one that code asks for. Where there are both, one of them was probably meant to be the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Final

from otel_breaker.text import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from otel_breaker_instrumentation.entries import Target

_MOST: Final = 10
"""Suspected typos, and unused names that each of them lists."""
_MOST_COMPARED: Final = 100
"""Names that are compared with so many others: every start of the application pays for it."""


@dataclass(frozen=True)
class SuspectedTypo:
    """A breaker's name that probably is another one."""

    path: str
    """Of the target that names the breaker."""
    name: str
    unused: tuple[str, ...]
    """Entries under `breakers:` that no target uses."""
    meant: str | None
    """The unused entry that is spelt nearly the same."""

    def without_used(self, used: Collection[str]) -> SuspectedTypo | None:
        """The same without entries that turn out to be used; None when nothing remains to be suspected."""
        unused = tuple(name for name in self.unused if name not in used)
        meant = None if self.meant in used else self.meant
        return SuspectedTypo(self.path, self.name, unused, meant) if unused and (meant or not self.meant) else None

    def __str__(self) -> str:
        more = f" and {len(self.unused) - _MOST} more" if len(self.unused) > _MOST else ""
        unused = f"{', '.join(map(repr, self.unused[:_MOST]))}{more}"
        problem = f"the breaker {self.name!r} has no settings of its own, and no target uses those of {unused}"
        remedy = f"did you mean {self.meant!r}?" if self.meant else "is it one of these?"
        return printable(f"{self.path}: {problem}: {remedy}")


def find_suspected_typos(
    targets: Iterable[Target], configured: Collection[str], used: Mapping[str, object]
) -> tuple[SuspectedTypo, ...]:
    """Find such names.

    Args:
        targets: what is to be guarded.
        configured: names of breakers that have an entry.
        used: names of breakers that guard a target.
    """
    unused = tuple(name for name in configured if name not in used)
    if not unused:
        return ()
    suspected = []
    for name, (path, is_written) in islice(_without_entry(targets, configured).items(), _MOST_COMPARED):
        close = get_close_matches(name, unused[:_MOST_COMPARED], n=1)
        if close or is_written:  # a breaker named after its function has the function's spelling
            key = "breaker" if is_written else "function"
            suspected.append(SuspectedTypo(f"{path}.{key}", name, unused, next(iter(close), None)))
        if len(suspected) == _MOST:
            break
    return tuple(suspected)


def _without_entry(targets: Iterable[Target], configured: Collection[str]) -> dict[str, tuple[str, bool]]:
    """Breakers that targets name and no entry has: the target's path, and whether the name is written there."""
    names: dict[str, tuple[str, bool]] = {}
    for target in targets:
        if target.function_settings is None:
            name = target.template(target.function).name
            if name not in configured:
                names.setdefault(name, (target.path, target.breaker is not None))
    return names
