"""Which settings each name has: those of the configuration, or those that code gave.

Breakers are not known here. The registry replaces the configuration's settings under its own lock.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from otel_breaker import diagnostics
from otel_breaker import settings as all_settings
from otel_breaker.errors import InvalidSettings
from otel_breaker.locks import locked
from otel_breaker.settings import messages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_breaker.settings import Settings


class CodeSettings:
    """The settings that code gave for a name: its keywords, and what they mean."""

    __slots__ = ("keywords", "settings")

    def __init__(self, keywords: Mapping[str, object], settings: Settings) -> None:
        self.keywords = keywords
        self.settings = settings


class NamedSettings:
    """The settings of names, by their sources. The configuration's settings take precedence over the code's."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
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

    def take(self, name: str, keywords: Mapping[str, object]) -> bool:
        """Keep the settings that code gives for a name, in one place only; returns whether they are new.

        Raises:
            InvalidSettings: for settings that are not allowed, or that differ from those that code gave before.
        """
        while True:
            known = self._from_code.get(name)
            if known is not None and (not keywords or keywords == known.keywords):
                return False
            # Not under the lock: reading and comparing settings runs code of the application.
            settings = all_settings.Settings.from_mapping(keywords, name)
            if known is not None and known.keywords and not self.is_configured(name):
                if settings == known.settings:
                    return False
                problem = (
                    f"asked for with {messages.keywords(keywords)}, but made with {messages.keywords(known.keywords)}"
                )
                raise InvalidSettings(name, problem, "give the settings in one place, or the same in both")
            if self._replace_from_code(name, known, CodeSettings(dict(keywords), settings)):
                self.warn_if_overruled(name)
                return True

    @locked
    def _replace_from_code(self, name: str, known: CodeSettings | None, given: CodeSettings) -> bool:
        """Keep what code gave for a name; False, having done nothing, when it is no longer what the caller knows."""
        if self._from_code.get(name) is not known:
            return False
        self._from_code[name] = given
        return True

    def warn_if_overruled(self, name: str) -> None:
        """Log that the configuration takes precedence over settings that code gave for a name."""
        given = self._from_code.get(name)
        if given is not None and given.keywords and self.is_configured(name):
            diagnostics.warning(
                "circuit breaker %r: its configured settings win over the code's %s",
                name,
                messages.keywords(given.keywords),
            )

    def forget_keywords(self) -> None:
        """Let code give other settings for each name; until then the present ones stay in force."""
        kept = list(self._from_code.items())  # copied in one step
        self._from_code = {name: CodeSettings({}, given.settings) for name, given in kept}

    def clear_code(self) -> None:
        """Drop all that code gave."""
        self._from_code = {}

    def after_fork(self) -> None:
        """Replace the lock in a forked child: the thread that held it does not exist there."""
        self._lock = threading.RLock()
