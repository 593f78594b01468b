"""Names and keys that every exporter can bear: what an author wrote is refused, what was made is cleaned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from otel_breaker import CircuitBreaker, InvalidSettings, get_breaker
from otel_breaker.key_template import Template
from otel_breaker.settings import labels
from otel_breaker_instrumentation.config import understand

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Spans

FINE = [
    "payments",
    "http {host}",
    "shop.payments:Client.charge",
    "tests.shop:make.<locals>.Client.__init__",
    "Zahlungen für 東京 🧦",
    "tenant:ann@example.com",
    "http://example.com:8080/v1",
    "50% of C# and why?",
    "x" * 256,
]
BAD: list[Any] = [
    "",
    "  ",
    None,
    7,
    b"payments",
    "pay\nments",
    "pay\x00ments",
    "pay\x85ments",
    "pay\u2028ments",
    "pay\u202ements",
    "pay\ud800ments",
    "x" * 257,
    "x" * 1_000_000,
    "http://ann:s3cret@example.com",
    "http://example.com?token=s3cret",
]


@pytest.mark.parametrize("name", FINE)
def test_a_name_of_printable_text_is_taken_as_it_is_written(name: str) -> None:
    assert labels.name(name, "name") == name


@pytest.mark.parametrize("name", BAD, ids=lambda name: repr(name)[:30])
def test_a_name_that_telemetry_cannot_bear_is_refused_with_a_remedy(name: Any) -> None:
    with pytest.raises(InvalidSettings) as refused:
        labels.name(name, "breakers")

    assert refused.value.path == "breakers"
    assert refused.value.remedy
    assert len(str(refused.value)) < 300
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("name", ["pay\nments", "x" * 257, "http://ann:s3cret@example.com"])
@pytest.mark.parametrize(
    "use",
    [
        CircuitBreaker,
        get_breaker,
        lambda name: get_breaker(name, key="a"),
        lambda name: Template(f"{name} {{tenant}}", "here"),
        lambda name: understand({"breakers": {name: {}}}, ""),
        lambda name: understand({"targets": [{"function": "shop:charge", "breaker": name}]}, ""),
    ],
    ids=["by hand", "by name", "by name and key", "a template", "configured", "a target's"],
)
def test_f80_a_bad_name_is_refused_wherever_it_is_written(use: Callable[[str], object], name: str) -> None:
    with pytest.raises(InvalidSettings):
        use(name)


def test_a_name_that_is_refused_leaves_no_breaker_behind() -> None:
    for _ in range(2):
        with pytest.raises(InvalidSettings):
            get_breaker("no\nname")


def test_a_number_as_a_name_in_a_file_is_refused_since_targets_could_not_mean_it() -> None:
    with pytest.raises(InvalidSettings, match=r"breakers\.404: 404 is not allowed"):
        understand({"breakers": {404: {}}}, "")


def test_a_breaker_named_after_a_place_that_telemetry_cannot_bear_has_that_name_cleaned() -> None:
    place: dict[str, Any] = {"__name__": "made\nup" + "x" * 300, "CircuitBreaker": CircuitBreaker}

    exec("breaker = CircuitBreaker()", place)

    assert place["breaker"].name == "made\N{REPLACEMENT CHARACTER}up" + "x" * 249


def test_a_target_of_any_length_can_name_its_breaker() -> None:
    function = f"shop:{'x' * 300}"

    [target] = understand({"targets": [{"function": function}]}, "").targets

    assert (str(target), target.template(function).name) == (function, function[:256])


@pytest.mark.parametrize(
    ("key", "cleaned"),
    [
        ("tenant 7", "tenant 7"),
        ("a\r\nb\x00c", "a\ufffd\ufffdb\ufffdc"),
        ("\ud83d\ude00", "\ufffd\ufffd"),
        ("x" * 300, "x" * 256),
        ("https://ann:s3cret@example.com:8443/v1", "https://example.com:8443/v1"),
        ("https://s3cret@example.com", "https://example.com"),
        ("https://ann:s3@cret@example.com", "https://example.com"),
        ("https://ann:s3\ncret@example.com", "https://example.com"),
        (f"https://ann:{'s3cret' * 100}@example.com", "https://example.com"),
        ("redis+tls://:s3cret@cache/0 and amqp://ann:s3cret@queue", "redis+tls://cache/0 and amqp://queue"),
        ("https://proxy/https://ann:s3cret@example.com", "https://proxy/https://example.com"),
        ("//ann:s3cret@example.com", "//example.com"),
        ("https://example.com/pay?token=s3cret&x=1 eu", "https://example.com/pay eu"),
        ("https://example.com/pay#s3cret", "https://example.com/pay"),
        ("https://example.com/users/@ann", "https://example.com/users/@ann"),
        ("ann@example.com", "ann@example.com"),
        ("why? tenant #7", "why? tenant #7"),
    ],
)
def test_f79_f80_a_key_is_shown_as_far_as_telemetry_can_bear_it(key: str, cleaned: str) -> None:
    assert get_breaker("test_labels keys", key=key).key == cleaned
    assert CircuitBreaker("test_labels keys", key=key).key == cleaned


def test_keys_that_differ_in_what_is_not_shown_have_one_circuit() -> None:
    one, other = (get_breaker("test_labels urls", key=f"http://{user}:s3cret@example.com") for user in ("ann", "bob"))

    assert one is other


@pytest.mark.timeout(30)  # what backtracks takes hours
@pytest.mark.parametrize("part", ["x", "/", "@", "//", "://", "?", ":", "//a:", "\n"])
def test_a_key_of_a_million_characters_is_cleaned_as_quickly_as_it_is_read(part: str) -> None:
    assert len(labels.clean(part * (1_000_000 // len(part)))) <= 256


def test_a_failure_that_a_block_names_is_cleaned_and_may_be_a_number() -> None:
    breaker = CircuitBreaker()

    for named in (503, "bad\ud800gateway"):
        with breaker.guard() as call:
            call.failed(named)  # type: ignore[arg-type]

    assert breaker.snapshot().last_failure_type == "bad\ufffdgateway"


def test_f80_whatever_text_a_call_brings_its_spans_can_be_encoded(spans: Spans) -> None:
    def charge() -> None:
        raise OSError

    charge.__qualname__ = "char\ud800ge"
    breaker = get_breaker("test_labels encoded", key="\ud800\x00" * 1_000, failure_threshold=1)
    with pytest.raises(OSError):
        breaker.call(charge)
    breaker.reset()
    with breaker.guard() as call:
        call.failed("\udfff")

    assert len(encode_spans(spans()).SerializeToString()) < 10_000
