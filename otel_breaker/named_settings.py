"""Which settings each name has: those of the configuration, or those that code gave.

Nothing here is locked: the registry changes it under its own lock. Breakers are not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_breaker.settings import Settings


class CodeSettings(NamedTuple):
    """The settings that code gave for a name."""

    keywords: Mapping[str, object]
    settings: Settings


class NamedSettings:
    """The settings of names, by their sources. The configuration's settings take precedence over the code's."""

    def __init__(self) -> None:
        self._from_code: dict[str, CodeSettings] = {}
        self._configured: Mapping[str, Settings] = {}
        self._from_targets: dict[str, Settings] = {}
        """The settings of breakers that the configuration names in targets only."""

    def in_force(self, name: str) -> Settings:
        """The settings of a name that code has asked for."""
        return self._configured.get(name) or self._from_targets.get(name) or self._from_code[name].settings

    def is_configured(self, name: str) -> bool:
        """Whether the configuration has settings for a name."""
        return name in self._configured or name in self._from_targets

    def configure(self, settings: Mapping[str, Settings]) -> None:
        """Replace the configuration's settings. An empty configuration also drops the settings of targets."""
        self._configured = dict(settings)
        if not settings:
            self._from_targets = {}

    def add_from_target(self, name: str, settings: Settings) -> bool:
        """Add the settings of a name that a target has; returns whether they are in force."""
        self._from_targets[name] = settings
        return name not in self._configured

    def of_target(self, name: str) -> Settings | None:
        """The settings that were added from a target."""
        return self._from_targets.get(name)

    def from_code(self, name: str) -> CodeSettings | None:
        """The settings that code gave for a name."""
        return self._from_code.get(name)

    def replace_from_code(self, name: str, known: CodeSettings | None, given: CodeSettings) -> bool:
        """Keep what code gave for a name; False, having done nothing, when it is no longer what the caller knows."""
        if self._from_code.get(name) is not known:
            return False
        self._from_code[name] = given
        return True

    def forget_keywords(self) -> None:
        """Let code give other settings for each name; until then the present ones stay in force."""
        kept = list(self._from_code.items())  # copied in one step
        self._from_code = {name: CodeSettings({}, given.settings) for name, given in kept}

    def clear_code(self) -> None:
        """Drop all that code gave."""
        self._from_code = {}
