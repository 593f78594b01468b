"""How breakers come into another process: by name. The state of a circuit stays where it is.

There the breaker of the same name is found, or made with the same settings. Functions that breakers guard are pickled
by name themselves; tools that pickle them by value, such as cloudpickle, take their breaker with them.
"""

from __future__ import annotations

import copyreg
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from otel_breaker.breaker import CircuitBreaker, living
from otel_breaker.errors import InvalidSettings
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otel_breaker.settings import Settings


def _reduce(breaker: CircuitBreaker) -> tuple[Any, ...]:
    said = REGISTRY.keywords_of(breaker)
    if said is None:
        return _find, (breaker.name, breaker.key, breaker.settings)
    return _ask, (breaker.name, breaker.key, dict(said))


def _reduce_keyed(keyed: KeyedBreaker) -> tuple[Any, ...]:
    return _ask_keyed, (keyed.name, dict(REGISTRY.keywords_of(keyed) or {}))


def _find(name: str, key: str | None, settings: Settings) -> CircuitBreaker:
    return _living(name, key) or CircuitBreaker._with_settings(name, settings, key)  # noqa: SLF001  # our own interface


def _living(name: str, key: str | None) -> CircuitBreaker | None:
    return next((breaker for breaker in living() if (breaker.name, breaker.key) == (name, key)), None)


def _ask(name: str, key: str | None, said: Mapping[str, object]) -> CircuitBreaker:
    if key is not None:
        # Its key as it is shown, which may not be the whole key.
        return _living(name, key) or _ask_keyed(name, said).for_key(key)
    with suppress(InvalidSettings):  # the code of that process says something else
        return REGISTRY.get(name, said)
    return REGISTRY.get(name, {})


def _ask_keyed(name: str, said: Mapping[str, object]) -> KeyedBreaker:
    with suppress(InvalidSettings):  # as above
        return REGISTRY.get_keyed(name, said)
    return REGISTRY.get_keyed(name, {})


def register() -> None:
    """Teach Python to pickle breakers."""
    copyreg.pickle(CircuitBreaker, _reduce)
    copyreg.pickle(KeyedBreaker, _reduce_keyed)
