"""The symbols that draw circuits in a terminal, and those in ASCII where an encoding lacks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from otel_breaker.core.states import CircuitState
from otel_breaker_cli.incident.timeline import UNKNOWN_STATE

if TYPE_CHECKING:
    from collections.abc import Mapping

STYLES: Final = {
    UNKNOWN_STATE: "",
    CircuitState.CLOSED.value: "green",
    CircuitState.HALF_OPEN.value: "yellow",
    CircuitState.OPEN.value: "red",
    CircuitState.FORCED_OPEN.value: "red",
    CircuitState.FORCED_CLOSED.value: "green",
}
"""The colour of each state, in the order in which `_symbols` takes their symbols."""


@dataclass(frozen=True)
class Symbols:
    states: Mapping[str, str]
    shadow: str
    """For each state that refuses calls, where shadow mode admits them."""
    left: str
    right: str
    arrow: str
    gap: str

    @property
    def all(self) -> str:
        return "".join([*self.states.values(), self.shadow, self.left, self.right, self.arrow, self.gap])


def _symbols(states: str, *others: str) -> Symbols:
    return Symbols(dict(zip(STYLES, states, strict=True)), *others)


BLOCKS: Final = _symbols(" ─▒█▓═", "░", "▕", "▏", "→", "…")
ASCII: Final = _symbols(" -~#%=", "+", "|", "|", "->", "...")


def symbols_for(encoding: str) -> Symbols:
    """`BLOCKS` where an encoding has them, otherwise `ASCII`."""
    try:
        BLOCKS.all.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return BLOCKS
