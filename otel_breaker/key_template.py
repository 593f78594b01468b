"""Templates: a breaker's name with fields that make the key of a call, such as `"tenant {tenant_id}"`.

Which breaker a key has is not known here.
"""

from __future__ import annotations

import inspect
import typing
from functools import partial
from string import Formatter
from types import WrapperDescriptorType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.errors import InvalidSettings
from otel_breaker.key_functions import NoKeyError, TemplatePart, compile_key_function
from otel_breaker.settings import identifiers
from otel_breaker.settings.messages import nearest
from otel_breaker.text import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FORMATTER: Final = Formatter()


class Template:
    """A breaker's name with fields that make the key.

    Args:
        text: its fields are parameters of the function, their attributes and items: `{tenant}`, `{self.host}`,
            `{request.url.host}`, `{options[region]}`.
        path: its path in the configuration.

    Raises:
        InvalidSettings: when the text is no template, or has no name.
    """

    def __init__(self, text: str, path: str) -> None:
        try:
            parts = [TemplatePart(*part) for part in _FORMATTER.parse(text)]
        except ValueError as error:
            raise InvalidSettings(path, f"{text!r} is no template", str(error)) from None
        self.path = path
        first = next((index for index, part in enumerate(parts) if part.field is not None), len(parts) - 1)
        before = "".join(part.text for part in parts[: first + 1])
        self.name = before.strip()
        self.fields = [part.field for part in parts if part.field is not None]
        # The text before the first field is the name, which is no part of the key.
        self._template, self._name_length = text, len(before)
        self._parts = [part._replace(text="") if index == first else part for index, part in enumerate(parts)][first:]
        if not self.name:
            raise InvalidSettings(path, f"{text!r} has no name", 'put text before the first field: "tenant {tenant}"')
        identifiers.name(self.name, path)

    def key_function(self, function: Callable[..., Any]) -> Callable[..., str]:
        """The key function of a function whose calls are guarded.

        Whether a parameter has an attribute is known only when a call is made, unless the parameter's annotation is a
        type whose objects can have no attributes but those of the type.

        Returns:
            A function that raises `NoKeyError` when the arguments make no key.

        Raises:
            InvalidSettings: naming the field and the known parameters.
            TypeError, ValueError: when the function has no signature.
        """
        signature = inspect.signature(function)
        known = list(signature.parameters)
        for part in self._parts:
            if part.field is not None and part.parameter not in known:
                raise InvalidSettings(
                    self.path, f"there is no parameter {part.parameter!r}", f"known are {', '.join(known)}"
                )
        hints = _hints(function)
        for part in self._parts:
            self._check_attributes(part, hints)
        compiled = compile_key_function(signature, self._parts, self._no_key)
        return compiled or partial(_render, self, signature)

    def render(self, arguments: Mapping[str, Any]) -> str:
        """The key of a call with these arguments, by parameter.

        Raises:
            NoKeyError: when they make no key.
        """
        try:
            return self._template.format(**arguments)[self._name_length :]
        except Exception as error:
            raise self._no_key(error, arguments) from None

    def _no_key(self, error: Exception, arguments: Mapping[str, Any]) -> NoKeyError:
        """Names the field that failed; reading an attribute of an argument may run its code, and raise anything."""
        for field in self.fields:
            try:
                _FORMATTER.get_field(field, (), arguments)
            except Exception as cause:
                return NoKeyError(f"there is no {{{field}}}: {type_name(type(cause))}")
        return NoKeyError(f"a field cannot be written: {type_name(type(error))}")

    def _check_attributes(self, part: TemplatePart, hints: Mapping[str, Any]) -> None:
        kind: Any = hints.get(part.parameter)
        for name in (part.field or "").split(".")[1:]:
            if "[" in name or not isinstance(kind, type):
                return
            if not hasattr(kind, name):
                if _takes_any_attribute(kind):
                    return
                known = [each for each in dir(kind) if not each.startswith("_")]
                problem = f"there is no {{{part.field}}}: {type_name(kind)} has no {name!r}"
                raise InvalidSettings(self.path, problem, nearest(name, known))
            kind = _hints(kind).get(name)


def _render(template: Template, signature: inspect.Signature, /, *args: Any, **kwargs: Any) -> str:
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return template.render(bound.arguments)


def _hints(owner: Any) -> dict[str, Any]:
    """Types by parameter; empty when an annotation cannot be evaluated, such as one for type checkers only."""
    try:
        return typing.get_type_hints(owner)
    except Exception:  # an annotation may be any code
        return {}


def _takes_any_attribute(kind: type) -> bool:
    """Whether objects may have attributes that their type does not list; a type with a metaclass may be a protocol."""
    if kind is object or kind.__dictoffset__ or type(kind) is not type:
        return True
    spaces = [vars(base) for base in kind.__mro__]
    return any("__getattr__" in space for space in spaces) or any(
        # The one of a type of C does the same as `object`'s.
        type(space.get("__getattribute__", object.__getattribute__)) is not WrapperDescriptorType
        for space in spaces
    )
