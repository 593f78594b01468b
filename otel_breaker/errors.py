"""The exceptions that callers may meet: a refusal, and settings that make no sense."""

from __future__ import annotations

from typing import Any

from otel_breaker.core.states import OPEN, CircuitState
from otel_breaker.text import printable

_MOST_TOLD = 1000
"""Characters of a path, a problem or a remedy: they may hold what stands in a file, which anybody may have written."""


def _told(position: int, default: object, doc: str) -> Any:
    """One of the things that a refused caller is told: its place in `args`."""

    def read(error: CircuitOpenError) -> object:
        return error.args[position] if len(error.args) > position else default

    return property(read, doc=doc)


class CircuitOpenError(Exception):
    """The circuit refused the call: the dependency was not asked.

    All that it tells stands in `args` as text and numbers. So it survives pickle and JSON, holds no exception or
    traceback alive, and needs no `__init__`, which would cost where refusals come in thousands.
    """

    name: str = _told(0, "", "The breaker's name.")
    key: str | None = _told(1, None, "Which circuit of a keyed breaker.")
    retry_after: float | None = _told(
        3, None, "Seconds until it is worth trying again; None when an operator forced the circuit open."
    )
    episode: str | None = _told(4, None, "Joins all refusals, probes and events from one opening to the recovery.")
    last_failure_type: str | None = _told(5, None, "The type of the last failure, or what its block called it.")
    last_failure_time: float | None = _told(6, None, "When that was, in seconds since the epoch.")

    @property
    def state(self) -> CircuitState:
        """What refused: open, half_open (all probes are out) or forced_open."""
        told = self.args[2] if len(self.args) > 2 else OPEN  # noqa: PLR2004  # its place
        try:
            return CircuitState(told)
        except ValueError:  # somebody else has made it
            return OPEN

    def __str__(self) -> str:
        named = repr(self.name) if self.key is None else f"{self.name!r} for {self.key!r}"
        later = f"; retry after {self.retry_after:.3g} s" if isinstance(self.retry_after, int | float) else ""
        return f"circuit breaker {named} is {self.state.value}{later}"


class InvalidSettings(ValueError):
    """A setting that cannot be meant: where it stands, what it says, and what would be right.

    Each part is one printable line of bounded length, whatever it was made from.

    Attributes:
        path: where the setting stands, such as `breakers.payments.failure_threshold`.
        problem: what is wrong with it.
        remedy: what to write instead.
        others: what else is wrong in the same value.
    """

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        path, problem, remedy = (printable(part[:_MOST_TOLD]) for part in (path, problem, remedy))
        super().__init__(path, problem, remedy)
        self.path = path
        self.problem = problem
        self.remedy = remedy
        self.others: tuple[InvalidSettings, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}: {self.remedy}"
