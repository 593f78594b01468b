"""The other circuit breakers for Python, each used as its documentation shows, with its default rules.

Each function makes one new, closed breaker. An ability that a library lacks, or claims without having it, is left out:
the outcome of a generator must be that of its iteration, and an open breaker must refuse a block.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

from tests.bench.contender import Contender
from tests.bench.shapes import finish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONG: Final = 3600  # an open breaker stays open during the measurement

DISTRIBUTIONS: Final = {
    "circuitbreaker": "circuitbreaker",
    "pybreaker": "pybreaker",
    "purgatory": "purgatory",
    "aiobreaker": "aiobreaker",
    "hyx": "hyx",
    "nopanic": "nopanic",
    "interlock": "interlock-cb",
    "fluxgate": "fluxgate",
}
"""Modules to names of distributions."""


def _load(name: str) -> Any:
    """A peer's module: only the benchmark needs it, so neither tests nor type checks may."""
    return importlib.import_module(name)


def circuitbreaker() -> Contender:
    # Its `with` block is left out: it never refuses.
    peer = _load("circuitbreaker")
    breaker = peer.CircuitBreaker(name="bench", recovery_timeout=_LONG)
    return Contender(
        "circuitbreaker",
        peer.CircuitBreakerError,
        lambda: breaker.opened,
        function=breaker,
        coroutine=breaker,
        generator=breaker,
        async_generator=breaker,
        call=breaker.call,
        call_later=breaker.call_async,
    )


def pybreaker() -> Contender:
    # Coroutines need Tornado.
    peer = _load("pybreaker")
    breaker = peer.CircuitBreaker(name="bench", reset_timeout=_LONG)
    return Contender(
        "pybreaker",
        peer.CircuitBreakerError,
        lambda: breaker.current_state == peer.STATE_OPEN,
        function=breaker,
        generator=breaker,
        block=breaker.calling,
        call=breaker.call,
    )


def purgatory() -> Contender:
    factory = _load("purgatory").SyncCircuitBreakerFactory(default_ttl=_LONG)
    return Contender(
        "purgatory",
        _load("purgatory.domain.model").OpenedState,
        lambda: factory.get_breaker("bench").context.state == "opened",
        function=factory("bench"),
        block=lambda: factory.get_breaker("bench"),
    )


def purgatory_async() -> Contender:
    factory = _load("purgatory").AsyncCircuitBreakerFactory(default_ttl=_LONG)
    return Contender(
        "purgatory",
        _load("purgatory.domain.model").OpenedState,
        lambda: finish(factory.get_breaker("bench")).context.state == "opened",
        coroutine=factory("bench"),
    )


def aiobreaker() -> Contender:
    peer, timedelta = _load("aiobreaker"), _load("datetime").timedelta
    breaker = peer.CircuitBreaker(name="bench", timeout_duration=timedelta(seconds=_LONG))
    return Contender(
        "aiobreaker",
        peer.CircuitBreakerError,
        lambda: breaker.current_state == peer.CircuitBreakerState.OPEN,
        function=breaker,
        coroutine=breaker,
        generator=breaker,
        call=breaker.call,
        call_later=breaker.call_async,
    )


def hyx() -> Contender:
    peer = _load("hyx.circuitbreaker")
    breaker = peer.consecutive_breaker(recovery_time_secs=_LONG)
    return Contender(
        "hyx",
        _load("hyx.circuitbreaker.exceptions").BreakerFailing,
        lambda: breaker.state.name == "failing",
        coroutine=breaker,
    )


def nopanic() -> Contender:
    """Its rule is always a failure rate in a time window."""
    peer = _load("nopanic")
    breaker = peer.circuit_breaker(name="bench", reset_timeout=_LONG)
    return Contender(
        "nopanic",
        peer.CircuitOpen,
        lambda: breaker.state == "open",
        function=breaker,
        coroutine=breaker,
        generator=breaker,
        async_generator=breaker,
        block=breaker.guard,
        call=breaker.call,
        call_later=breaker.acall,
    )


def interlock() -> Contender:
    # Generators are left out: failures after their first step are not recorded.
    peer = _load("interlock")
    breaker = peer.CircuitBreaker(name="bench", config=peer.Config(wait_duration_in_open=_LONG))
    return Contender(
        "interlock",
        peer.CircuitOpenError,
        lambda: breaker.state is peer.State.OPEN,
        function=breaker,
        coroutine=breaker,
        block=lambda: breaker,
        call=breaker.call_sync,
        call_later=breaker.call_async,
    )


def fluxgate() -> Contender:
    peer = _load("fluxgate")
    breaker = peer.CircuitBreaker(retry=_load("fluxgate.retries").Cooldown(_LONG))
    return Contender(
        "fluxgate",
        _load("fluxgate.errors").CallNotPermittedError,
        lambda: breaker.info().state == "open",
        function=breaker,
        call=breaker.call,
    )


def fluxgate_async() -> Contender:
    peer = _load("fluxgate")
    breaker = peer.AsyncCircuitBreaker(retry=_load("fluxgate.retries").Cooldown(_LONG))
    return Contender(
        "fluxgate",
        _load("fluxgate.errors").CallNotPermittedError,
        lambda: breaker.info().state == "open",
        coroutine=breaker,
        call_later=breaker.call,
    )


PEERS: Final = (
    circuitbreaker,
    pybreaker,
    purgatory,
    purgatory_async,
    aiobreaker,
    hyx,
    nopanic,
    interlock,
    fluxgate,
    fluxgate_async,
)


def able_to(ability: str) -> Iterator[Callable[[], Contender]]:
    """Makers of all installed peers that can do something.

    Args:
        ability: a field of `Contender`.
    """
    for make in PEERS:
        try:
            contender = make()
        except ModuleNotFoundError:
            continue  # not released for this Python
        if getattr(contender, ability) is not None:
            yield make
