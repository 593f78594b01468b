"""Finds breakers that stay open for a minute or more by default or by a setting, for the notes of `check`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from otel_breaker.settings.messages import below
from otel_breaker.settings.readers import mapping
from otel_breaker.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from otel_breaker.settings import Settings
    from otel_breaker_instrumentation.config import Configuration

_LONG: Final = 60.0
"""Seconds."""
_MOST: Final = 3
"""Breakers that a note names."""


@dataclass
class LongRecovery:
    """A long `recovery_time` of breakers that read no wait from a failure."""

    path: str
    """Where it is set, or can be."""
    seconds: float
    breakers: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        more = f" and {len(self.breakers) - _MOST} more" if len(self.breakers) > _MOST else ""
        names = f"{', '.join(map(repr, self.breakers[:_MOST]))}{more}"
        problem = f"{self.seconds:g} s without retry_after: {names} may refuse good calls for that long after an outage"
        return printable(f"{self.path}: {problem}: set recovery_time: 5s and recovery_jitter: 0.2")


def find_long_recoveries(
    content: Mapping[str, object], path: str, configuration: Configuration
) -> tuple[LongRecovery, ...]:
    """Find them, once for each place that sets the time: breakers that set none have that of `defaults`.

    Args:
        content: what is configured, without a mistake.
        path: where it begins, for the notes.
        configuration: the meaning of the content.
    """
    found: dict[str, LongRecovery] = {}
    for where, name, settings in _breakers(content, path, configuration):
        if settings.recovery_time >= _LONG and settings.retry_after is None:
            note = found.setdefault(where, LongRecovery(where, settings.recovery_time))
            note.breakers.append(name)
    return tuple(found.values())


def _breakers(
    content: Mapping[str, object], path: str, configuration: Configuration
) -> Iterator[tuple[str, str, Settings]]:
    """Each breaker that is configured: the path of its `recovery_time`, its name, and its settings."""
    own = _own_recovery_times(content, path, configuration)
    defaults = f"{path}defaults.recovery_time"
    for name, settings in configuration.breakers.items():
        yield own.get(name, defaults), name, settings
    for target in configuration.targets:
        if target.function_settings is not None:
            where = f"{target.path}.recovery_time" if "recovery_time" in target.settings else defaults
            yield where, target.function, target.function_settings


def _own_recovery_times(content: Mapping[str, object], path: str, configuration: Configuration) -> dict[str, str]:
    """Of the breakers that have a `recovery_time` of their own, the path of it; that of a target wins."""
    own: dict[str, str] = {}
    for target in configuration.targets:
        if "recovery_time" in target.settings:
            if target.function_settings is None:
                names = [target.template(target.function).name]
            else:
                names = [name for name in configuration.breakers if target.matches(name)]
            for name in names:
                own.setdefault(name, f"{target.path}.recovery_time")
    for name, entry in mapping(content.get("breakers"), path).items():
        if "recovery_time" in mapping(entry, path):
            own.setdefault(name, f"{below(f'{path}breakers', name)}.recovery_time")
    return own
