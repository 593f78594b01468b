"""One place where a guard stands: what stood there, and how that is put back."""

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
        """Tells places apart, whatever their owners say of equality."""
        return id(self.owner), self.attribute

    def holds(self) -> Any:
        """What is set on the owner itself; MISSING when that is nothing."""
        return vars(self.owner).get(self.attribute, MISSING)


@dataclass(frozen=True, eq=False)
class Patch:
    """A place with a guard in it."""

    slot: AttributeSlot
    original: Any
    """What was set on the owner itself; MISSING when it was inherited."""
    guard: Any
    """As it stands there: a classmethod stays one."""

    @classmethod
    def install(cls, place: AttributeSlot, guard: Any) -> Patch:
        """Put a guard in a place.

        Raises:
            TypeError: when the owner cannot be changed.
        """
        original = place.holds()
        setattr(place.owner, place.attribute, guard)
        return cls(place, original, place.holds())

    @property
    def is_in_place(self) -> bool:
        return self.slot.holds() is self.guard

    def restore(self) -> bool:
        """Put back what was there; False when somebody has wrapped or replaced the guard since."""
        if not self.is_in_place:
            return False
        if self.original is MISSING:
            delattr(self.slot.owner, self.slot.attribute)
        else:
            setattr(self.slot.owner, self.slot.attribute, self.original)
        return True
