"""Names and keys within the limits of every exporter: a name from an author is refused, one from code is cleaned."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from otel_breaker import CircuitBreaker, InvalidSettings, get_breaker
from otel_breaker.key_template import Template
from otel_breaker.settings import identifiers
from otel_breaker.text import clean, operator_text
from otel_breaker_instrumentation.config import parse_configuration

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
    "redis://:pa/s3cret@host",
    "host=h password=s3cret",
    "http://example.com/pay;token=s3cret",
]


@pytest.mark.parametrize("name", FINE)
def test_a_name_of_printable_text_is_unchanged(name: str) -> None:
    assert identifiers.name(name, "name") == name


@pytest.mark.parametrize("name", BAD, ids=lambda name: repr(name)[:30])
def test_a_name_that_telemetry_does_not_allow_is_refused_with_a_remedy(name: Any) -> None:
    with pytest.raises(InvalidSettings) as refused:
        identifiers.name(name, "breakers")

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
        lambda name: parse_configuration({"breakers": {name: {}}}, ""),
        lambda name: parse_configuration({"targets": [{"function": "shop:charge", "breaker": name}]}, ""),
    ],
    ids=["by hand", "by name", "by name and key", "a template", "configured", "a target's"],
)
def test_a_bad_name_is_refused_wherever_it_is_written(use: Callable[[str], object], name: str) -> None:
    with pytest.raises(InvalidSettings):
        use(name)


def test_a_name_that_is_refused_leaves_no_breaker_behind() -> None:
    for _ in range(2):
        with pytest.raises(InvalidSettings):
            get_breaker("no\nname")


def test_a_number_as_a_name_in_a_file_is_refused_since_targets_cannot_name_it() -> None:
    with pytest.raises(InvalidSettings, match=r"breakers\.404: 404 is not allowed"):
        parse_configuration({"breakers": {404: {}}}, "")


def test_the_name_of_the_code_that_makes_a_breaker_is_cleaned() -> None:
    place: dict[str, Any] = {"__name__": "made\nup" + "x" * 300, "CircuitBreaker": CircuitBreaker}

    exec("breaker = CircuitBreaker()", place)

    assert place["breaker"].name == "made\N{REPLACEMENT CHARACTER}up" + "x" * 249


def test_a_target_of_any_length_can_name_its_breaker() -> None:
    function = f"shop:{'x' * 300}"

    [target] = parse_configuration({"targets": [{"function": function}]}, "").targets

    assert (str(target), target.template(function).name) == (function, function[:256])


SAFE = [
    "payments",
    "tenant 7",
    "region:tenant",
    "eu-west-1/acme",
    "api.example.com:443",
    "[2001:db8::1]:8080",
    "https://example.com:8443/v1/pay",
    "arn:aws:sqs:eu-west-1:123456789012:orders",
    "7c9e6679-7425-40de-944b-e07fc1f90afe",
    "com.example.payments.v2.PaymentService",
    "Zahlungen für 東京 🧦",
    "('eu', 'acme')",
    "token:8080",
    "x" * 256,
    "",
]


@pytest.mark.parametrize("key", SAFE)
def test_a_key_that_is_known_to_be_safe_is_shown_as_it_is(key: str) -> None:
    assert get_breaker("test_labels safe", key=key).key == key
    assert CircuitBreaker("test_labels safe", key=key).key == key


@pytest.mark.parametrize(
    ("key", "safe"),
    [
        ("https://ann:s3cret@example.com:8443/v1", "https://example.com:8443/v1"),
        ("https://s3cret@example.com", "https://example.com"),
        ("https://ann:s3@cret@example.com", "https://example.com"),
        ("https://ann:s3\ncret@example.com", "https://example.com"),
        ("https://ann: s3cret@example.com", "https://example.com"),
        (f"https://ann:{'s3cret' * 100}@example.com", "https://example.com"),
        ("//ann:s3cret@example.com", "//example.com"),
        ("ann:s3cret@example.com:5432/shop", "example.com:5432/shop"),
        ("visa https://ann:s3cret@example.com", "visa https://example.com"),
        ("redis://:pa/s3cret@host", "redis://"),
        ("postgresql://app:pa/s3cret@host/shop", "postgresql://"),
        ("https://app:pa?s3cret@host", "https://"),
        ("redis+tls://:s3cret@cache/0 and amqp://ann:s3cret@queue", "redis+tls://"),
        ("https://proxy/https://ann:s3cret@example.com", "https://"),
        ("app pa/s3cret@host", ""),
        ("host=h user=u password=s3cret", "host"),
        ("Server=h;Pwd=s3cret", "Server"),
        ("mailto:a?token=s3cret", "mailto:a"),
        ("https://example.com/pay;token=s3cret", "https://example.com/pay"),
        ("https://example.com/pay;jsessionid=s3cret", "https://example.com/pay"),
        ("https://example.com/find?q=new york&api_key=s3cret", "https://example.com/find"),
        ("https://example.com/pay#access_token=s3cret", "https://example.com/pay"),
        ("u: s3cret@", ""),
        ("password: s3cret", "password"),
        ("password s3cret", "password"),
        ("Authorization: Bearer s3cret", "Authorization"),
        ('{"password": "s3cret"}', ""),
        ("app%3As3cret%40host", "app"),
        ("key ghp_s3cretC7e42F292c6912E7710c838347Ae178B4a", "key"),
        ("ann@example.com", "example.com"),
        ("why? tenant #7", "why"),
        ("a\r\nb", "a"),
        ("\ud83d\ude00", ""),
        ("x" * 300, "x" * 244),
    ],
)
def test_of_any_other_key_the_safe_part_is_shown_and_a_digest(key: str, safe: str) -> None:
    found = get_breaker("test_labels redacted", key=key), CircuitBreaker("test_labels redacted", key=key)

    [shown] = {str(breaker.key) for breaker in found}
    assert re.fullmatch(re.escape(f"{safe} ".lstrip()) + r"\[#[0-9a-f]{8}\]", shown)
    assert len(shown) <= 256


PAIRS = {
    "two users": ("http://ann:s3cret@example.com", "http://bob:s3cret@example.com"),
    "two queries": ("http://example.com?page=1", "http://example.com?page=2"),
    "two ends of long keys": ("x" * 300 + "a", "x" * 300 + "b"),
    "two unprintable characters": ("a\x00b", "a\x01b"),
    "one of them as the other is shown": ("a?", CircuitBreaker(key="a?").key or ""),
}


@pytest.mark.parametrize("keys", PAIRS.values(), ids=PAIRS)
def test_keys_that_differ_in_a_hidden_part_have_a_circuit_each(keys: tuple[str, str]) -> None:
    one, other = (get_breaker("test_labels pairs", key=key) for key in keys)

    assert one is not other
    assert [get_breaker("test_labels pairs", key=key) for key in keys] == [one, other]


@pytest.mark.parametrize(
    "keys", [pair for pair in PAIRS.values() if pair != PAIRS["one of them as the other is shown"]]
)
def test_keys_that_differ_in_a_hidden_part_are_shown_differently(keys: tuple[str, str]) -> None:
    one, other = (get_breaker("test_labels told apart", key=key).key for key in keys)

    assert one != other


def test_a_long_key_is_not_kept() -> None:
    key = f"{'x' * 300}{time.time_ns()}"

    held = sys.getrefcount(key)
    get_breaker("test_labels long", key=key)

    assert sys.getrefcount(key) == held


@pytest.mark.timeout(30)  # what backtracks takes hours
@pytest.mark.parametrize("part", ["x", "/", "@", "//", "://", "?", "?=", ":", "//a: ", "\n", "token"])
def test_a_key_of_a_million_characters_is_cleaned_as_quickly_as_it_is_read(part: str) -> None:
    text = part * (1_000_000 // len(part))

    assert len(clean(text)) <= 256
    assert len(identifiers.shown(text)) <= 256
    assert len(operator_text(text) or "") <= 1_024


def test_a_failure_that_a_block_names_is_cleaned_and_may_be_a_number() -> None:
    breaker = CircuitBreaker()

    for named in (503, "bad\ud800gateway"):
        with breaker.guard() as call:
            call.failed(named)  # type: ignore[arg-type]

    assert breaker.snapshot().last_failure_type == "bad\ufffdgateway"


def test_spans_can_be_encoded_with_any_text_of_a_call(spans: Spans) -> None:
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
