"""No secret that was pasted into a key, a reason or the name of a failure is exported or logged."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from otel_breaker import CircuitBreaker, CircuitOpenError, StateChange, breakers, get_breaker
from otel_breaker.core.states import CircuitState
from otel_breaker.key_template import Template
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.keyed_guard import guard_by_key
from otel_breaker.overrides import StateOverride, replace_override
from otel_breaker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Spans

SECRET = "s3cret"
SHAPES = {
    "a URL's user": f"https://ann:{SECRET}@example.com/",
    "a password with a slash": f"redis://:pa/{SECRET}@host",
    "a password after a space": f"https://u: {SECRET}@host",
    "a DSN": f"host=h password={SECRET}",
    "a mail link": f"mailto:a?token={SECRET}",
    "a matrix parameter": f"https://h/pay;token={SECRET}",
    "a session": f"https://h/pay;jsessionid={SECRET}",
    "a query with a space": f"https://h/find?q=new york&api_key={SECRET}",
    "a header": f"Authorization: Bearer {SECRET}",
    "an assignment": f"password: '{SECRET} and more'",
}


class Client:
    def send(self, url: str) -> str:
        raise OSError(url)


def by_name(url: str) -> None:
    get_breaker("secrets", key=url, failure_threshold=1)._wrap(Client.send)(Client(), url)


def by_template(url: str) -> None:
    TEMPLATED(Client(), url)


TEMPLATED = guard_by_key(
    KeyedBreaker("secrets", Settings(failure_threshold=1)),
    Client.send,
    Template("secrets {url}", "here").key_function(Client.send),
)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("call", [by_name, by_template], ids=lambda call: call.__name__)
def test_no_secret_in_a_key_is_exported(
    call: Callable[[str], None], shape: str, spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with suppress(OSError):
        call(shape)

    with pytest.raises(CircuitOpenError) as refused:
        call(shape)

    exported = encode_spans(spans()).SerializeToString()
    seen = [each for each in breakers() if each.name == "secrets" and each.state is CircuitState.OPEN]
    shown = f"{refused.value!r} {refused.value} {[(each, each.key, each.snapshot()) for each in seen]} {caplog.text}"
    assert len(spans()) == 2
    assert SECRET not in shown
    assert SECRET.encode() not in exported
    assert "[#" in shown
    for each in seen:
        each.reset()


def open_and_reset(breaker: CircuitBreaker, reason: str) -> None:
    breaker.force_open()
    breaker.reset(reason=reason, actor=reason)


OPERATIONS: dict[str, Callable[[CircuitBreaker, str], None]] = {
    "force_open": lambda breaker, reason: breaker.force_open(reason=reason, actor=reason),
    "force_closed": lambda breaker, reason: breaker.force_closed(reason=reason, actor=reason),
    "reset": open_and_reset,
    "an override": lambda breaker, reason: replace_override(
        breaker, None, StateOverride(CircuitState.FORCED_OPEN, reason, reason)
    ),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("operate", OPERATIONS.values(), ids=OPERATIONS)
def test_no_secret_in_an_operators_reason_is_exported(
    operate: Callable[[CircuitBreaker, str], None], shape: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    breaker = CircuitBreaker("payments")
    changes: list[StateChange] = []
    breaker.add_listener(changes.append)

    operate(breaker, f"INC-4711: {shape}")

    assert "INC-4711" in caplog.text
    assert SECRET not in f"{caplog.text} {breaker.snapshot()} {changes}"


def test_what_an_operator_wrote_is_printable_and_bounded() -> None:
    breaker = CircuitBreaker("payments")

    breaker.force_open(reason="INC\x1b[2J\n\ud800" + "x" * 10_000, actor="ann\r")

    snapshot = breaker.snapshot()
    assert (snapshot.reason or "").startswith("INC\ufffd[2J\ufffd\ufffdxxx")
    assert (len(snapshot.reason or ""), snapshot.actor) == (1_024, "ann\ufffd")


@pytest.mark.parametrize(
    "reason", ["INC-4711: payments down since 10:15", "see https://wiki.example.com/runbook", "mail ann@example.com"]
)
def test_an_operators_reason_without_a_secret_is_exported_unchanged(reason: str) -> None:
    breaker = CircuitBreaker("payments")

    breaker.force_open(reason=reason, actor=reason)

    assert (breaker.snapshot().reason, breaker.snapshot().actor) == (reason, reason)


def test_an_override_whose_actor_is_redacted_can_be_lifted() -> None:
    breaker, override = CircuitBreaker("payments"), StateOverride(CircuitState.FORCED_OPEN, "file?token=s3cret")
    replace_override(breaker, None, override)

    replace_override(breaker, override, None)

    assert breaker.state is CircuitState.CLOSED


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_secret_in_a_blocks_name_of_a_failure_is_exported(shape: str, spans: Spans) -> None:
    breaker = CircuitBreaker("payments")

    with breaker.guard() as call:
        call.failed(shape)

    assert SECRET not in f"{breaker.snapshot()}"
    assert SECRET.encode() not in encode_spans(spans()).SerializeToString()
