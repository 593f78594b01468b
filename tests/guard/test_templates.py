"""The template of a keyed target's breaker: the text before its first field is the name, the fields make the key."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from otel_breaker import CircuitBreaker, InvalidSettings
from otel_breaker.keyed import KeyedBreaker, Template
from otel_breaker.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable


class Host(NamedTuple):
    name: str


class Client:
    def __init__(self, host: str) -> None:
        self.host = host
        self.server = Host(host)

    def send(self, path: str = "/", *more: str, verb: str = "GET", **options: str) -> str:
        return f"{verb} {path} {more} {options}"


class Hiding(KeyedBreaker):
    """Notes which keys were asked for."""

    def __init__(self) -> None:
        super().__init__("http", Settings())
        self.keys: list[str] = []

    def for_key(self, key: str) -> CircuitBreaker:
        self.keys.append(key)
        return super().for_key(key)


def guarded(text: str, function: Callable[..., Any] = Client.send) -> tuple[Callable[..., Any], list[str]]:
    """A function guarded by the keys that a template makes, and those keys."""
    breaker = Hiding()
    return breaker.wrap(function, Template(text, "targets[0].breaker")), breaker.keys


@pytest.mark.parametrize(
    ("text", "name", "fields"),
    [
        ("http {host}", "http", ["host"]),
        ("http:{host}", "http:", ["host"]),
        ("http {host} {path}", "http", ["host", "path"]),
        ("http {host}/{path}", "http", ["host", "path"]),
        ("http {self.host}", "http", ["self.host"]),
        ("http {options[tenant]}", "http", ["options[tenant]"]),
        ("payments", "payments", []),
        ("outgoing payments", "outgoing payments", []),
    ],
)
def test_a_template_is_a_name_and_fields(text: str, name: str, fields: list[str]) -> None:
    template = Template(text, "targets[0].breaker")

    assert (template.name, template.fields) == (name, fields)


@pytest.mark.parametrize("text", ["{host}", " {host}", "", "http {host", "http host}", "http {"])
def test_text_that_is_no_template_is_refused_where_it_stands(text: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        Template(text, "targets[0].breaker")

    assert caught.value.path == "targets[0].breaker"


@pytest.mark.parametrize("text", ["http {hots}", "http {}", "http {0}", "http {host.name}", "http {verb}{hots[0]}"])
def test_a_field_that_is_no_parameter_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        guarded(text)

    assert "known are self, path, more, verb, options" in str(caught.value)


CALLS = {
    "position": ("http {path}", ("/a",), {}, "/a"),
    "keyword": ("http {path}", (), {"path": "/a"}, "/a"),
    "default": ("http {path}", (), {}, "/"),
    "keyword only": ("http {verb}", (), {"verb": "PUT"}, "PUT"),
    "default of a keyword only": ("http {verb}", ("/a",), {}, "GET"),
    "attribute": ("http {self.host}", (), {}, "eu"),
    "attribute of an attribute": ("http {self.server.name}", (), {}, "eu"),
    "item of the rest": ("http {more[0]}", ("/a", "b"), {}, "b"),
    "item of the keywords": ("http {options[tenant]}", (), {"tenant": "t1"}, "t1"),
    "several fields": ("http {self.host} {verb}", (), {"verb": "PUT"}, "eu PUT"),
    "text between": ("http {self.host}{path}?", ("/a",), {}, "eu/a?"),
    "conversion": ("http {path!r}", ("/a",), {}, "'/a'"),
    "form": ("http {path:>4}", ("/a",), {}, "  /a"),
}


@pytest.mark.parametrize(("text", "args", "kwargs", "key"), CALLS.values(), ids=CALLS)
def test_arguments_make_the_key(text: str, args: tuple[str, ...], kwargs: dict[str, str], key: str) -> None:
    send, keys = guarded(text)

    answer = send(Client("eu"), *args, **kwargs)

    assert keys == [key]
    assert answer == Client("eu").send(*args, **kwargs)


class Secretive:
    def __format__(self, form: str) -> str:
        raise LookupError("not for you")


UNFIT = {
    "too many": ("http {how}", (1, 2, 3), TypeError),
    "too few": ("http {how}", (), TypeError),
    "without the attribute": ("http {how.host}", (1,), None),
    "not to be shown": ("http {how}", (Secretive(),), None),
}


@pytest.mark.parametrize(("text", "args", "raised"), UNFIT.values(), ids=UNFIT)
def test_a_call_without_a_key_is_guarded_all_the_same_and_told_of_once(
    text: str, args: tuple[object, ...], raised: type[Exception] | None, caplog: pytest.LogCaptureFixture
) -> None:
    def take(how: object) -> str:
        return "answer"

    call, keys = guarded(text, take)
    for _ in range(2):
        if raised is None:
            assert call(*args) == "answer"
        else:
            with pytest.raises(raised, match="take"):
                call(*args)

    assert keys == ["", ""]
    assert [record.levelno for record in caplog.records if "no key" in record.getMessage()] == [logging.ERROR]


def test_a_function_that_cannot_be_asked_for_its_parameters_is_refused_with_the_reason() -> None:
    with pytest.raises((InvalidSettings, TypeError, ValueError), match=r"signature|parameters"):
        guarded("http {key}", max)


def test_a_generator_belongs_to_one_key_from_its_first_step_to_its_end() -> None:
    def stream(host: str) -> Any:
        yield from range(3)

    read, keys = guarded("http {host}", stream)
    items = read("eu")
    before = list(keys)

    assert list(items) == [0, 1, 2]
    assert (before, keys) == ([], ["eu"])


def test_braces_that_are_doubled_are_braces() -> None:
    template = Template("http {{v1}} {path}", "targets[0].breaker")

    assert (template.name, template.fields) == ("http {v1}", ["path"])
