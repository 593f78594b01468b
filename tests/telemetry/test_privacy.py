"""Each part of a call holds a secret, and no exported byte contains one."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import _logs, trace
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from otel_breaker import CircuitBreaker, CircuitOpenError, configure
from otel_breaker import breaker as breaker_module
from otel_breaker.key_template import Template
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.keyed_guard import guard_by_key
from otel_breaker.settings import Settings
from otel_breaker.telemetry.metrics import MetricRegistry
from tests.telemetry.whole_sdk import WholeSdk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from otel_breaker.settings import TelemetryKeywords
    from tests.fakes import FakeClock

SECRET = "s3cret"
URL = f"https://ann:{SECRET}-in-url@example.com/pay?token={SECRET}-in-query#{SECRET}-in-fragment"


class Exported(WholeSdk):
    """A whole SDK, and all bytes that its exporters would send."""

    def sent(self) -> bytes:
        metrics = self.reader.get_metrics_data()
        assert metrics is not None
        spans, logs = self.spans.get_finished_spans(), self.logs.get_finished_logs()
        assert spans
        assert logs
        encoded = (encode_spans(spans), encode_logs(logs), encode_metrics(metrics))
        return b"".join(request.SerializeToString() for request in encoded)


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exported]:
    exported, metric_registry = Exported(), MetricRegistry()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", exported.tracing)
    monkeypatch.setattr(_logs._internal, "_LOGGER_PROVIDER", exported.logging)
    monkeypatch.setattr(breaker_module, "METRIC_REGISTRY", metric_registry)
    monkeypatch.setenv("PAYMENTS_PASSWORD", f"{SECRET}-in-environment")
    metric_registry.use_meter(exported.metering.get_meter("otel_breaker"))
    yield exported
    for provider in (exported.tracing, exported.logging, exported.metering):
        provider.shutdown()


class Declined(Exception):
    """Has its argument in every part of an exception."""

    def __init__(self, card: str) -> None:
        super().__init__(f"card {card} was declined", {"card": card})
        self.card = card
        self.__notes__ = [f"note on {card}"]
        self.__cause__ = ValueError(f"cause {card}")


class Client:
    def __init__(self) -> None:
        self.password = f"{SECRET}-in-attribute"

    def __repr__(self) -> str:
        return f"<Client {self.password}>"

    def charge(self, card: str, *, url: str = URL, fail: bool = False, **more: str) -> str:
        local = f"{SECRET}-in-local"
        if fail:
            raise Declined(f"{card} {local} {url} {more}")
        return f"{SECRET}-in-result"

    async def charge_later(self, card: str, **how: Any) -> str:
        await asyncio.sleep(0)
        return self.charge(card, **how)

    def stream(self, card: str, **how: Any) -> Iterator[str]:
        yield f"{SECRET}-in-item"
        yield self.charge(card, **how)

    async def stream_later(self, card: str, **how: Any) -> AsyncIterator[str]:
        yield f"{SECRET}-in-item"
        yield self.charge(card, **how)


def by_method(breaker: CircuitBreaker, client: Client, how: dict[str, Any]) -> None:
    breaker(client.charge)(f"{SECRET}-in-argument", **how)


def by_coroutine(breaker: CircuitBreaker, client: Client, how: dict[str, Any]) -> None:
    asyncio.run(breaker(client.charge_later)(f"{SECRET}-in-argument", **how))


def by_generator(breaker: CircuitBreaker, client: Client, how: dict[str, Any]) -> None:
    list(breaker(client.stream)(f"{SECRET}-in-argument", **how))


def by_async_generator(breaker: CircuitBreaker, client: Client, how: dict[str, Any]) -> None:
    async def main() -> list[str]:
        return [item async for item in breaker(client.stream_later)(f"{SECRET}-in-argument", **how)]

    asyncio.run(main())


def by_block(breaker: CircuitBreaker, client: Client, how: dict[str, Any]) -> None:
    with breaker.guard():
        client.charge(f"{SECRET}-in-argument", **how)


def by_two_steps(breaker: CircuitBreaker, client: Client, how: dict[str, Any]) -> None:
    permit = breaker.can_execute()
    if permit is None:
        return
    try:
        client.charge(f"{SECRET}-in-argument", **how)
    except Declined as error:
        breaker.record_failure(error, permit)
        raise
    breaker.record_success(permit)


def in_a_group(breaker: CircuitBreaker, client: Client, how: dict[str, Any]) -> None:
    with breaker.guard():
        try:
            client.charge(f"{SECRET}-in-argument", **how)
        except Declined as error:
            if sys.version_info < (3, 11):
                raise
            raise ExceptionGroup(f"{SECRET}-in-group", [error]) from None  # noqa: F821  # built in since Python 3.11


ENTRIES = [by_method, by_coroutine, by_generator, by_async_generator, by_block, by_two_steps, in_a_group]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.__name__)
@pytest.mark.parametrize("mode", ["enforce", "shadow"])
def test_no_argument_result_or_text_of_a_call_is_exported(
    entry: Callable[..., None], mode: Any, exported: Exported, clock: FakeClock
) -> None:
    breaker, client = CircuitBreaker("payments", failure_threshold=2, mode=mode, clock=clock), Client()
    states: list[str] = []
    breaker.add_listener(lambda change: states.append(change.to_state.value))

    def call(**how: Any) -> None:
        with suppress(Exception):
            entry(breaker, client, {"password": f"{SECRET}-in-keyword", **how})

    with exported.tracing.get_tracer("application").start_as_current_span("checkout"):
        for fail in (False, True, True, False):  # the last is refused
            call(fail=fail)
        clock.advance(60)
        call(fail=True)
        clock.advance(60)
        call()

    assert states == ["open", "half_open", "open", "half_open", "closed"]
    assert b"Declined" in exported.sent() or entry is in_a_group
    assert SECRET.encode() not in exported.sent()


def test_neither_what_a_fallback_is_given_nor_what_it_answers_is_exported(exported: Exported) -> None:
    def later(card: str, refusal: CircuitOpenError) -> str:
        return f"{SECRET}-in-fallback {card} {refusal}"

    breaker = CircuitBreaker("payments", failure_threshold=1, fallback=later)
    breaker.force_open()

    answered = breaker.call(lambda card: card, f"{SECRET}-in-argument")

    assert answered.startswith(SECRET)
    assert b"circuit_breaker.fallback.used" in exported.sent()
    assert SECRET.encode() not in exported.sent()


def test_a_result_that_is_a_failure_is_not_exported(exported: Exported) -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1, failure_result=bool)

    breaker.call(str, f"{SECRET}-in-result")

    assert b"_OTHER" in exported.sent()
    assert SECRET.encode() not in exported.sent()


@pytest.mark.parametrize("settings", [{}, {"spans": "problems"}, {"duration_histogram": True}, {"events": "log"}])
@pytest.mark.parametrize("is_expected", [False, True])
def test_the_text_of_exceptions_is_exported_only_with_its_setting(
    settings: TelemetryKeywords, exported: Exported, *, is_expected: bool
) -> None:
    configure(meter_provider=exported.metering, **settings)
    configure(record_exceptions=is_expected)

    with suppress(Declined):
        by_method(CircuitBreaker("payments", failure_threshold=1), Client(), {"fail": True})

    sent = exported.sent()
    assert (f"card {SECRET}-in-argument".encode() in sent) is is_expected
    assert (SECRET.encode() in sent) is is_expected


def test_exceptions_that_are_recorded_are_on_spans_alone(exported: Exported) -> None:
    configure(record_exceptions=True, spans="off", duration_histogram=True, meter_provider=exported.metering)

    with exported.tracing.get_tracer("application").start_as_current_span("checkout"), suppress(Declined):
        by_method(CircuitBreaker("payments", failure_threshold=1), Client(), {"fail": True})

    assert SECRET.encode() not in exported.sent()


def test_a_refusal_shows_its_caller_no_secret_of_the_call_that_failed() -> None:
    breaker = CircuitBreaker("payments", failure_threshold=1)
    with suppress(Declined):
        by_method(breaker, Client(), {"fail": True})

    with pytest.raises(CircuitOpenError) as refused:
        breaker.call(int)

    assert SECRET not in f"{refused.value!r} {refused.value} {breaker.snapshot()!r} {breaker!r}"
    assert (refused.value.__cause__, refused.value.__context__) == (None, None)


def test_a_key_has_the_fields_of_its_template_without_the_credentials_of_a_url(exported: Exported) -> None:
    keyed = KeyedBreaker("http", Settings(failure_threshold=1))
    send = guard_by_key(keyed, Client.charge, Template("http {card} {url}", "here").key_function(Client.charge))

    for _ in range(2):
        with suppress(Declined, CircuitOpenError):
            send(Client(), "visa", url=URL, fail=True, password=f"{SECRET}-in-keyword")

    assert b"visa https://example.com/pay" in exported.sent()
    assert SECRET.encode() not in exported.sent()
