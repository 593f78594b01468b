"""What the name of a target may look like, and which names it stands for. Text only: nothing is looked up here.

`module:qualified.name` stands for itself. A `*` stands for any run of characters within one dotted part after the
colon; it never stands for `__dunder__` names, and for `_private` ones only in a part that begins with `_`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_breaker.settings.readers import allowed

if TYPE_CHECKING:
    from collections.abc import Iterable

_PATTERN: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:([^\W\d]|\*)[\w*]*(\.([^\W\d]|\*)[\w*]*)*")


class Part:
    """One dotted part of a pattern: a name, or a wildcard over the names that stand in one place."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_wild = "*" in text
        first, *between, last = text.split("*") if self.is_wild else (text, "")
        self._first, self._between, self._last = first, tuple(between), last

    def matches(self, name: str) -> bool:
        """Whether a target means a name by this part."""
        if self.is_wild and name.startswith("_"):
            is_dunder = name.startswith("__") and name.endswith("__")
            return self._first.startswith("_") and not is_dunder and self.fits(name)
        return self.fits(name)

    def fits(self, name: str) -> bool:
        """Whether a name is of this form, private or not."""
        if not self.is_wild:
            return name == self.text
        at, end = len(self._first), len(name) - len(self._last)
        if at > end or not (name.startswith(self._first) and name.endswith(self._last)):
            return False
        for literal in self._between:
            found = name.find(literal, at, end)
            if found < 0:
                return False
            at = found + len(literal)
        return True


class Pattern:
    """The name of a target, or of what it excludes.

    Raises:
        InvalidSettings: when the text is neither.
    """

    def __init__(self, text: object, path: str) -> None:
        if not isinstance(text, str) or not _PATTERN.fullmatch(text):
            remedy = "module:qualified.name, such as shop.payments:Client.charge or shop.clients:*Client.send_*"
            raise allowed(path, text, remedy)
        self.text = text
        self.module, _, self.qualified_name = text.partition(":")
        self.parts = tuple(Part(part) for part in self.qualified_name.split("."))
        self.is_wild = any(part.is_wild for part in self.parts)

    def matches(self, function: str) -> bool:
        """Whether a target of this name means a function, given as `module:qualified.name`."""
        module, _, qualified_name = function.partition(":")
        names = qualified_name.split(".")
        return (
            module == self.module
            and len(names) == len(self.parts)
            and all(part.matches(name) for part, name in zip(self.parts, names, strict=True))
        )


class Patterns:
    """Many patterns of one module: which of them a name fits, found by reading the name once.

    A tree of the patterns' letters is walked from several places at once: from each `*` on, a place also stays where
    it is. So a name is held against what patterns share, and not against each of them.

    Args:
        patterns: in an order that answers keep.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._root = _Place()
        for index, pattern in enumerate(patterns):
            place = self._root
            for letter in pattern.qualified_name:
                place = place.after(letter)
            place.ends.append(index)

    def fitting(self, qualified_name: str) -> list[int]:
        """Positions of the patterns of a name's form, private or not."""
        return sorted(index for place in self._walk(qualified_name)[-1] for index in place.ends)

    def covers(self, qualified_name: str) -> bool:
        """Whether what stands there in the module, or what that stands in, is of the form of any pattern."""
        steps = self._walk(qualified_name)
        ends = [*(at for at, letter in enumerate(qualified_name) if letter == "."), len(qualified_name)]
        return any(place.ends for at in ends for place in steps[at])

    def _walk(self, qualified_name: str) -> list[set[_Place]]:
        """Where in the tree one may be after each letter."""
        steps = [_with_stars({self._root})]
        for letter in qualified_name:
            after = {place.next[letter] for place in steps[-1] if letter in place.next}
            if letter != ".":
                after |= {place for place in steps[-1] if place.is_star}
            steps.append(_with_stars(after))
        return steps


class _Place:
    """What patterns have in common up to a letter."""

    __slots__ = ("ends", "is_star", "next")

    def __init__(self, *, is_star: bool = False) -> None:
        self.is_star = is_star
        self.next: dict[str, _Place] = {}
        self.ends: list[int] = []
        """Which patterns end here."""

    def after(self, letter: str) -> _Place:
        return self.next.setdefault(letter, _Place(is_star=letter == "*"))


def _with_stars(places: set[_Place]) -> set[_Place]:
    """The places themselves, and those behind a `*` that stands for nothing."""
    new = places
    while new := {place.next["*"] for place in new if "*" in place.next}:
        places = places | new
    return places
