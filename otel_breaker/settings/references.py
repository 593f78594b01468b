"""Settings that refer to code: exception types, predicates and functions, as objects or as dotted names.

A name is kept as a `Reference` and imported by `load`, when a circuit first needs the settings: reading a configuration
runs no code of the application.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from typing import Final, TypeAlias

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings.messages import allowed, nearest
from otel_breaker.settings.readers import each, reads
from otel_breaker.text import type_name

_DOTTED: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d]\w*(\.[^\W\d]\w*)*)?")
# Regular expressions of JSON Schema have no class of letters of all languages, so each letter may be any character.
_NAME: Final = {"type": "string", "pattern": r"^[^\s.:]+(\.[^\s.:]+)*(:[^\s.:]+(\.[^\s.:]+)*)?$"}


@dataclass(frozen=True)
class Reference:
    """A dotted name of code, `module.name` or `module:qualified.name`; imported by `load`."""

    name: str
    path: str
    """Its path in the configuration."""

    @classmethod
    def read(cls, value: str, path: str) -> Reference:
        if not _DOTTED.fullmatch(value):
            raise allowed(path, value, "a dotted name such as shop.errors.CardDeclined or shop.errors:CardDeclined")
        return cls(value, path)

    def load(self) -> object:
        """Import the object of the name.

        Raises:
            InvalidSettings: when there is none.
        """
        module, _, qualified = self.name.partition(":")
        if not qualified:
            module, _, qualified = self.name.rpartition(".")
            module = module or "builtins"
        try:
            found: object = import_module(module)
        except Exception as error:  # the module's own code may raise anything
            raise InvalidSettings(self.path, f"{self.name!r} cannot be imported", _reason(error)) from error
        for part in qualified.split("."):
            try:
                found = getattr(found, part)
            except AttributeError:
                raise InvalidSettings(self.path, f"there is no {self.name!r}", nearest(part, _public(found))) from None
            except Exception as error:  # a module may have a `__getattr__`
                raise InvalidSettings(self.path, f"{self.name!r} cannot be had", _reason(error)) from error
        return found


def _reason(error: Exception) -> str:
    """Why an import fails; shows no text of exceptions of the application, which may hold secrets."""
    name = type_name(type(error))
    return f"{name}: {error}" if type(error) in (ImportError, ModuleNotFoundError, SyntaxError) else name


def _public(owner: object) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_")]


Matcher: TypeAlias = type[BaseException] | Callable[[BaseException], bool] | Reference
"""Recognises exceptions: a type, a predicate, or a reference to one."""


@reads(anyOf=[_NAME, {"type": "array", "items": _NAME}])
def matchers(value: object, path: str) -> tuple[Matcher, ...]:
    if isinstance(value, tuple | list | set | frozenset):
        return each(_matcher, value, path)
    return (_matcher(value, path),)


def _matcher(value: object, path: str) -> Matcher:
    if isinstance(value, Reference):
        return value
    if isinstance(value, str):
        return Reference.read(value, path)
    # Types first: an exception type can be called, too, but is no predicate.
    if isinstance(value, type):
        if issubclass(value, BaseException):
            return value
    elif callable(value):
        return value
    raise allowed(path, value, "exception types, or a predicate that takes the exception")


@reads(**_NAME)
def function(value: object, path: str) -> object:
    if isinstance(value, str):
        return Reference.read(value, path)
    if isinstance(value, Reference) or callable(value):
        return value
    raise allowed(path, value, "a function, or the dotted name of one")


@reads(**_NAME)
def wait(value: object, path: str) -> object:
    """An attribute of the failure, with dots for attributes of attributes and keys of mappings; or a function."""
    if isinstance(value, str) and ":" not in value:
        attribute, *steps = value.split(".")
        if attribute.isidentifier() and all(step.replace("-", "_").isidentifier() for step in steps):
            return value
        raise allowed(path, value, "the name of an attribute, or a function as module:name")
    return function(value, path)


def is_unresolved(value: object) -> bool:
    """Whether the value is or holds a reference."""
    return isinstance(value, Reference) or (isinstance(value, tuple) and any(isinstance(v, Reference) for v in value))


def load(value: object) -> object:
    """The value with every reference in it imported.

    Raises:
        InvalidSettings: when a name cannot be imported, or refers to an object of the wrong kind.
    """
    if isinstance(value, tuple):
        return tuple(_matcher(load(item), item.path) if isinstance(item, Reference) else item for item in value)
    if not isinstance(value, Reference):
        return value
    found = value.load()
    if not callable(found):
        raise InvalidSettings(value.path, f"{value.name!r} is {type(found).__name__}", "name something callable")
    return found


def has_parameter(function: object, name: str) -> bool:
    """Whether a callable has a parameter of that name."""
    try:
        return callable(function) and name in signature(function).parameters
    except (TypeError, ValueError):
        return False  # a callable of C may have no signature
