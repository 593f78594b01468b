"""Pickling breakers: by name, without the state of their circuits.

Where a breaker is unpickled, the breaker of the same name is used, or made with the same settings. Guarded functions
are pickled by name; tools that pickle them by value, such as cloudpickle, pickle their breaker with them.
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
    keywords = REGISTRY.keywords_of(breaker)
    if keywords is None:
        return _find_or_make, (breaker.name, breaker.key, breaker.settings)
    return _get, (breaker.name, breaker.key, dict(keywords))


def _reduce_keyed(keyed: KeyedBreaker) -> tuple[Any, ...]:
    return _get_keyed, (keyed.name, dict(REGISTRY.keywords_of(keyed) or {}))


def _find_or_make(name: str, key: str | None, settings: Settings) -> CircuitBreaker:
    return _living(name, key) or CircuitBreaker._with_settings(name, settings, key)  # noqa: SLF001  # our own interface


def _living(name: str, key: str | None) -> CircuitBreaker | None:
    return next((breaker for breaker in living() if (breaker.name, breaker.key) == (name, key)), None)


def _get(name: str, key: str | None, keywords: Mapping[str, object]) -> CircuitBreaker:
    if key is not None:
        # The key as telemetry shows it, which may be a part of the key.
        return _living(name, key) or _get_keyed(name, keywords).for_key(key)
    with suppress(InvalidSettings):  # the code of this process gave other settings
        return REGISTRY.get(name, keywords)
    return REGISTRY.get(name, {})


def _get_keyed(name: str, keywords: Mapping[str, object]) -> KeyedBreaker:
    with suppress(InvalidSettings):  # as above
        return REGISTRY.get_keyed(name, keywords)
    return REGISTRY.get_keyed(name, {})


def register() -> None:
    """Register the reducers of breakers with `pickle` and `copy`."""
    copyreg.pickle(CircuitBreaker, _reduce)
    copyreg.pickle(KeyedBreaker, _reduce_keyed)
