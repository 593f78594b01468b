"""The template of a keyed target's breaker: the text before its first field is the name, the fields make the key."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from otel_breaker import CircuitBreaker, InvalidSettings, breakers
from otel_breaker.key_template import Template
from otel_breaker.keyed import KeyedBreaker
from otel_breaker.keyed_guard import guard_by_key
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
    """Records the keys that are seen first."""

    def __init__(self) -> None:
        super().__init__("http", Settings())
        self.keys: list[str] = []

    def for_key(self, key: str) -> CircuitBreaker:
        self.keys.append(key)
        return super().for_key(key)


def guarded(text: str, function: Callable[..., Any] = Client.send) -> tuple[Callable[..., Any], list[str]]:
    """A function guarded by the keys that a template makes, and those keys."""
    breaker = Hiding()
    key_of = Template(text, "targets[0].breaker").key_function(function)
    return guard_by_key(breaker, function, key_of), breaker.keys


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
def test_text_that_is_no_template_is_refused_with_its_position(text: str) -> None:
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
        raise LookupError("a secret")


UNFIT = {
    "without the attribute": ("http {how.host}", "there is no {how.host}: AttributeError"),
    "not to be shown": ("http {how}", "a field cannot be written: LookupError"),
    "without the item": ("http {how[0]}", "there is no {how[0]}: TypeError"),
}


@pytest.mark.parametrize(("text", "reason"), UNFIT.values(), ids=UNFIT)
def test_a_call_without_a_key_passes_unguarded_and_its_function_is_logged_once(
    text: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    def take(how: object) -> str:
        raise OSError

    call, keys = guarded(text, take)
    for _ in range(10):  # more than open a circuit
        with pytest.raises(OSError):
            call(Secretive())

    assert keys == []
    (record,) = (record for record in caplog.records if "no key" in record.getMessage())
    assert record.levelno == logging.ERROR
    assert "take pass unguarded by 'http': no key can be made: " + reason in record.getMessage()
    assert "secret" not in record.getMessage()


@pytest.mark.parametrize("args", [(1, 2, 3), ()], ids=["too many", "too few"])
def test_arguments_that_the_function_does_not_take_are_refused_by_python_as_ever(args: tuple[int, ...]) -> None:
    def take(how: object) -> None:
        """Takes one."""

    call, keys = guarded("http {how}", take)

    with pytest.raises(TypeError, match=r"take\(\)"):
        call(*args)

    assert keys == []


def test_calls_without_a_key_leave_no_breaker_behind() -> None:
    def take(how: object) -> str:
        return "answer"

    call, _ = guarded("http {how.host}", take)
    before = len(breakers())

    assert call(1) == "answer"
    assert len(breakers()) == before


@pytest.mark.parametrize(
    ("text", "remedy"),
    [("http {url.hostt}", "str has no 'hostt'"), ("http {server.nme}", "Host has no 'nme': did you mean 'name'?")],
)
def test_an_attribute_that_an_annotated_parameter_cannot_have_is_refused(text: str, remedy: str) -> None:
    def send(url: str, server: Host) -> None:
        """Its parameters are of types that have no other attributes."""

    send.__annotations__ = {"url": str, "server": Host}

    with pytest.raises(InvalidSettings) as caught:
        guarded(text, send)

    assert remedy in str(caught.value)


@pytest.mark.parametrize("text", ["http {client.hostt}", "http {client.server.name}", "http {anything.at.all}"])
def test_an_attribute_that_an_object_may_have_is_looked_up_at_each_call(text: str) -> None:
    def send(client: object, anything: object) -> None:
        """Its parameters are of types whose objects may have any attribute."""

    send.__annotations__ = {"client": Client}

    guarded(text, send)


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
