"""One guard in one attribute: what the attribute held before, and how that is restored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

MISSING: Final = object()


@dataclass(frozen=True, eq=False)
class AttributeSlot:
    """An attribute of a module, a class or an object."""

    owner: Any
    attribute: str

    @property
    def key(self) -> tuple[int, str]:
        """Identifies the slot; owners are never compared, since their classes may define equality."""
        return id(self.owner), self.attribute

    def holds(self) -> Any:
        """What is set on the owner itself; MISSING when nothing is."""
        return vars(self.owner).get(self.attribute, MISSING)


@dataclass(frozen=True, eq=False)
class Patch:
    """A slot with a guard in it."""

    slot: AttributeSlot
    original: Any
    """What was set on the owner itself; MISSING when the attribute was inherited."""
    guard: Any
    """As the owner holds it: a classmethod is still one."""

    @classmethod
    def install(cls, slot: AttributeSlot, guard: Any) -> Patch:
        """Put a guard into a slot.

        Raises:
            TypeError: when the owner cannot be changed.
        """
        original = slot.holds()
        setattr(slot.owner, slot.attribute, guard)
        return cls(slot, original, slot.holds())

    @property
    def is_in_place(self) -> bool:
        return self.slot.holds() is self.guard

    def restore(self) -> bool:
        """Put the original back; False when another tool has wrapped or replaced the guard since."""
        if not self.is_in_place:
            return False
        if self.original is MISSING:
            delattr(self.slot.owner, self.slot.attribute)
        else:
            setattr(self.slot.owner, self.slot.attribute, self.original)
        return True
