"""The names of targets, and which functions they match. Names are text here: nothing is looked up.

`module:qualified.name` matches itself. A `*` matches any run of characters within one dotted part after the colon; it
never matches a `__dunder__` name, and a `_private` one only in a part that begins with `_`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otel_breaker.settings.messages import allowed

if TYPE_CHECKING:
    from collections.abc import Iterable

_PATTERN: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:([^\W\d]|\*)[\w*]*(\.([^\W\d]|\*)[\w*]*)*")


class Part:
    """One dotted part of a pattern: a name, or a wildcard over the names in one namespace."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.is_wild = "*" in text
        first, *between, last = text.split("*") if self.is_wild else (text, "")
        self._first, self._between, self._last = first, tuple(between), last

    def matches(self, name: str) -> bool:
        """Whether a target names a function by this part."""
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
        """Whether a target of this name names a function, given as `module:qualified.name`."""
        module, _, qualified_name = function.partition(":")
        names = qualified_name.split(".")
        return (
            module == self.module
            and len(names) == len(self.parts)
            and all(part.matches(name) for part, name in zip(self.parts, names, strict=True))
        )


class Patterns:
    """Many patterns of one module, of which a name is compared with all in one pass.

    The patterns are merged into a tree of their letters, and a pass holds a set of nodes: a node of a `*` stays in the
    set at each letter. So the cost depends on what patterns share, and not on their number.

    Args:
        patterns: in an order that results keep.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._root = _Node()
        for index, pattern in enumerate(patterns):
            node = self._root
            for letter in pattern.qualified_name:
                node = node.after(letter)
            node.ends.append(index)

    def fitting(self, qualified_name: str) -> list[int]:
        """Positions of the patterns of a name's form, private or not."""
        return sorted(index for node in self._walk(qualified_name)[-1] for index in node.ends)

    def covers(self, qualified_name: str) -> bool:
        """Whether a name, or that of a class around it, is of the form of any pattern."""
        steps = self._walk(qualified_name)
        ends = [*(at for at, letter in enumerate(qualified_name) if letter == "."), len(qualified_name)]
        return any(node.ends for at in ends for node in steps[at])

    def _walk(self, qualified_name: str) -> list[set[_Node]]:
        """The nodes that are reached before the first letter, and after each."""
        steps = [_with_stars({self._root})]
        for letter in qualified_name:
            after = {node.next[letter] for node in steps[-1] if letter in node.next}
            if letter != ".":
                after |= {node for node in steps[-1] if node.is_star}
            steps.append(_with_stars(after))
        return steps


class _Node:
    """What patterns share up to a letter."""

    __slots__ = ("ends", "is_star", "next")

    def __init__(self, *, is_star: bool = False) -> None:
        self.is_star = is_star
        self.next: dict[str, _Node] = {}
        self.ends: list[int] = []
        """The patterns that end here, by position."""

    def after(self, letter: str) -> _Node:
        return self.next.setdefault(letter, _Node(is_star=letter == "*"))


def _with_stars(nodes: set[_Node]) -> set[_Node]:
    """The nodes themselves, and those behind a `*` that matches no character."""
    new = nodes
    while new := {node.next["*"] for node in new if "*" in node.next}:
        nodes = nodes | new
    return nodes
