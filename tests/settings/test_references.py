from __future__ import annotations

import json
import sys
from abc import ABCMeta
from typing import TYPE_CHECKING

import pytest

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings import Reference, Settings, references

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Abstract(Exception, metaclass=ABCMeta):
    """A type that can be called, and is no predicate."""


def looks_bad(error: BaseException) -> bool:
    return bool(error.args)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Makes a module that is not imported yet."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(text: str) -> str:
        (tmp_path / "a_shop_of_its_own.py").write_text(text)
        return "a_shop_of_its_own"

    yield make
    sys.modules.pop("a_shop_of_its_own", None)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("KeyError", KeyError),
        ("builtins.KeyError", KeyError),
        ("json.JSONDecodeError", json.JSONDecodeError),
        ("json:JSONDecodeError", json.JSONDecodeError),
        ("json.decoder:JSONDecoder.decode", json.JSONDecoder.decode),
    ],
)
def test_a_reference_loads_the_object_of_its_name(name: str, found: object) -> None:
    assert Reference.read(name, "here").load() is found


@pytest.mark.parametrize(
    "name", ["", " ", "5", "a b", "a..b", ".a", "a.", "a:", ":a", "a:b:c", "a-b", "a.5", "a/b", "a()", "a:b.", "a\nb"]
)
def test_text_that_is_no_dotted_name_is_refused_without_an_import(name: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        Reference.read(name, "here")

    assert (refused.value.path, repr(name) in refused.value.problem) == ("here", True)


def test_a_reference_is_not_imported_before_the_settings_are_resolved(module: Callable[[str], str]) -> None:
    name = module("class Declined(Exception): pass")
    settings = Settings.from_mapping({"ignore": [f"{name}.Declined"]})
    before = name in sys.modules

    (declined,) = settings.resolved().ignore

    assert (before, name in sys.modules) == (False, True)
    assert declined is sys.modules[name].Declined


@pytest.mark.parametrize("name", ["no.such.module.Thing", "no_such_module:Thing"])
def test_a_module_that_is_not_there_is_an_error_of_the_setting(name: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        Reference(name, "breakers.payments.ignore[0]").load()

    assert refused.value.path == "breakers.payments.ignore[0]"
    assert repr(name) in refused.value.problem
    assert "ModuleNotFoundError" in refused.value.remedy


def test_a_module_that_raises_is_an_error_of_the_setting(module: Callable[[str], str]) -> None:
    name = module("raise RuntimeError('no database')")

    with pytest.raises(InvalidSettings) as refused:
        Reference(f"{name}.Thing", "here").load()

    assert refused.value.remedy == "RuntimeError"
    assert isinstance(refused.value.__cause__, RuntimeError)


def test_a_module_whose_getattr_raises_is_an_error_of_the_setting(module: Callable[[str], str]) -> None:
    name = module("def __getattr__(name): raise ImportError('not installed: ' + name)")

    with pytest.raises(InvalidSettings) as refused:
        Reference(f"{name}.Thing", "here").load()

    assert refused.value.path == "here"


@pytest.mark.parametrize(
    ("name", "meant"), [("json.JSONDecodError", "JSONDecodeError"), ("json:JSONDecoder.decod", "decode")]
)
def test_the_remedy_for_a_misspelt_name_is_the_nearest_one(name: str, meant: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        Reference(name, "here").load()

    assert repr(name) in refused.value.problem
    assert refused.value.remedy == f"did you mean {meant!r}?"


@pytest.mark.parametrize("kind", [list, tuple])
def test_several_matchers_can_be_a_list(kind: type[list[object] | tuple[object, ...]]) -> None:
    read = references.matchers(kind([KeyError, looks_bad, "shop.errors.Declined"]), "ignore")

    assert read == (KeyError, looks_bad, Reference("shop.errors.Declined", "ignore[2]"))


@pytest.mark.parametrize("kind", [set, frozenset])
def test_several_matchers_can_be_a_set(kind: type[set[object] | frozenset[object]]) -> None:
    assert set(references.matchers(kind([KeyError, OSError]), "ignore")) == {KeyError, OSError}


@pytest.mark.parametrize("value", [KeyError, KeyboardInterrupt, Abstract, looks_bad, Reference("KeyError", "there")])
def test_one_matcher_needs_no_list(value: object) -> None:
    assert references.matchers(value, "ignore") == (value,)


def test_there_may_be_no_matchers() -> None:
    assert references.matchers([], "ignore") == ()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        (True, "True"),
        (5, "5"),
        ({}, "{}"),
        (object(), "object"),
        (int, "int"),
        (type, "type"),
        ("no name", "'no name'"),
    ],
)
def test_a_value_that_recognises_no_exception_is_refused(value: object, shown: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        references.matchers([KeyError, value], "ignore")

    assert refused.value.path == "ignore[1]"
    assert refused.value.problem == f"{shown} is not allowed"


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "None"), (5, "5"), ([], "[]"), ({}, "{}"), (object(), "object"), ("a b", "'a b'")]
)
def test_what_is_no_function_is_refused(value: object, shown: str) -> None:
    for read in (references.function, references.wait):
        with pytest.raises(InvalidSettings) as refused:
            read(value, "here")

        assert (refused.value.path, refused.value.problem) == ("here", f"{shown} is not allowed")


@pytest.mark.parametrize("value", [len, looks_bad, Reference("len", "there")])
def test_a_function_is_kept(value: object) -> None:
    assert references.function(value, "here") is references.wait(value, "here") is value


def test_the_name_of_a_function_is_kept_as_a_reference() -> None:
    assert references.function("shop.payments:is_bad", "here") == Reference("shop.payments:is_bad", "here")
    assert references.function("shop.payments.is_bad", "here") == Reference("shop.payments.is_bad", "here")


@pytest.mark.parametrize("value", ["retry_after", "response.retry_after", "response.headers.Retry-After"])
def test_a_wait_may_be_an_attribute(value: str) -> None:
    assert references.wait(value, "here") == value


def test_a_wait_with_a_colon_is_a_function() -> None:
    assert references.wait("shop.payments:wait", "here") == Reference("shop.payments:wait", "here")


@pytest.mark.parametrize("value", ["", ".", "a.", "retry-after", "5", "a b"])
def test_a_wait_that_is_no_attribute_is_refused(value: str) -> None:
    with pytest.raises(InvalidSettings):
        references.wait(value, "here")


def test_loading_keeps_values_without_references() -> None:
    assert references.load((KeyError, looks_bad, 5, "text")) == (KeyError, looks_bad, 5, "text")


def test_loading_imports_every_reference() -> None:
    assert references.load((Reference("KeyError", "here"), Reference("len", "there"))) == (KeyError, len)


def test_a_reference_to_an_object_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(InvalidSettings) as refused:
        references.load(Reference("sys.maxsize", "here"))

    assert (refused.value.path, refused.value.problem) == ("here", "'sys.maxsize' is int")


def test_every_mistake_in_a_list_of_exceptions_is_reported() -> None:
    with pytest.raises(InvalidSettings) as refused:
        references.matchers([KeyError, 1, "json.JSONDecodeError", "no name"], "ignore")

    assert [error.path for error in (refused.value, *refused.value.others)] == ["ignore[1]", "ignore[3]"]


def test_an_exception_of_a_module_that_is_imported_is_shown_by_its_type_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raises_a_secret.py").write_text("raise ValueError('token hunter2')")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(InvalidSettings) as refused:
        references.Reference("raises_a_secret.Error", "ignore").load()

    assert (refused.value.problem, refused.value.remedy) == ("'raises_a_secret.Error' cannot be imported", "ValueError")


def test_a_missing_module_is_reported_with_its_name() -> None:
    with pytest.raises(InvalidSettings, match="ModuleNotFoundError: No module named 'no_such_module'"):
        references.Reference("no_such_module.Error", "ignore").load()
