"""The exceptions that callers can meet: a refusal, and settings that are not allowed."""

from __future__ import annotations

from typing import Any

from otel_breaker.core.states import (
    CONCURRENCY_LIMIT,
    OPEN,
    REASONS_BY_STATE,
    CircuitState,
    RejectionReason,
)
from otel_breaker.text import printable

_LONGEST_PART = 1000
"""The most characters of a path, a problem or a remedy: they may hold text of a file, which is of any length."""


def _argument(position: int, default: object, doc: str) -> Any:
    """A property that reads the item of `args` at a position."""

    def read(error: CircuitOpenError) -> object:
        return error.args[position] if len(error.args) > position else default

    return property(read, doc=doc)


class CircuitOpenError(Exception):
    """The circuit refused the call: the dependency was not asked.

    All its values are in `args` as text and numbers. So it survives pickle and JSON, keeps no exception or traceback
    alive, and needs no `__init__`, whose time counts when thousands of calls are refused.
    """

    name: str = _argument(0, "", "The breaker's name.")
    key: str | None = _argument(1, None, "Which circuit of a keyed breaker.")
    retry_after: float | None = _argument(
        3,
        None,
        "Seconds until a probe may be admitted; None when an operator forced the circuit open, and when the limit of "
        "calls in flight refused.",
    )
    episode: str | None = _argument(
        4,
        None,
        "Identifies one outage, from the first opening to the recovery; all its refusals, probes and events have it.",
    )
    last_failure_type: str | None = _argument(
        5, None, "The type of the last failure, or the name that its block gave it."
    )
    last_failure_time: float | None = _argument(6, None, "When the last failure was, in seconds since the epoch.")

    @property
    def state(self) -> CircuitState:
        """The state in which it was refused: open, half_open (all probes are in flight) or forced_open; of a
        `ConcurrencyLimitError` closed or half_open.
        """
        value = self.args[2] if len(self.args) > 2 else OPEN  # noqa: PLR2004  # its position
        try:
            return CircuitState(value)
        except ValueError:  # made by other code, with other arguments
            return OPEN

    @property
    def rejection_reason(self) -> RejectionReason:
        """Why the call was refused."""
        return REASONS_BY_STATE.get(self.state, RejectionReason.OPEN)

    def __str__(self) -> str:
        later = f"; retry after {self.retry_after:.3g} s" if isinstance(self.retry_after, int | float) else ""
        return f"circuit breaker {self._named} is {self.state.value}{later}"

    @property
    def _named(self) -> str:
        return repr(self.name) if self.key is None else f"{self.name!r} for {self.key!r}"


class ConcurrencyLimitError(CircuitOpenError):
    """As many calls of the breaker's name are in flight as `max_in_flight` allows; the circuit itself admits calls."""

    max_in_flight: int | None = _argument(7, None, "The limit that refused the call.")

    @property
    def rejection_reason(self) -> RejectionReason:
        """Why the call was refused."""
        return CONCURRENCY_LIMIT

    def __str__(self) -> str:
        limit = f", at most {self.max_in_flight}" if isinstance(self.max_in_flight, int) else ""
        return f"circuit breaker {self._named} has too many calls in flight{limit}"


class InvalidSettings(ValueError):
    """A setting that is not allowed, with its path, the problem and a remedy.

    Each part is one printable line of at most 1,000 characters.

    Attributes:
        path: where the setting is, such as `breakers.payments.failure_threshold`.
        problem: what is wrong with it.
        remedy: what to write instead.
        others: the other errors in the same value.
    """

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        path, problem, remedy = (printable(part[:_LONGEST_PART]) for part in (path, problem, remedy))
        super().__init__(path, problem, remedy)
        self.path = path
        self.problem = problem
        self.remedy = remedy
        self.others: tuple[InvalidSettings, ...] = ()

    def __str__(self) -> str:
        return f"{self.path}: {self.problem}: {self.remedy}"
