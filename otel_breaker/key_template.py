"""Templates: a breaker's name with fields that make the key of a call, such as `"tenant {tenant_id}"`.

Which breaker a key has is not known here.
"""

from __future__ import annotations

import inspect
import typing
from string import Formatter
from types import WrapperDescriptorType
from typing import TYPE_CHECKING, Any, Final

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings import identifiers
from otel_breaker.settings.messages import nearest
from otel_breaker.text import type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_FORMATTER: Final = Formatter()


class NoKeyError(Exception):
    """A call has no key. The text is the reason, without a value of the call."""


class Bound:
    """A function and the object that it is bound to: what a trampoline calls for a bound function."""

    __slots__ = ("_function", "instance")

    def __init__(self, function: Callable[..., Any], instance: object) -> None:
        self._function = function
        self.instance = instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)


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
            parts = list(_FORMATTER.parse(text))
        except ValueError as error:
            raise InvalidSettings(path, f"{text!r} is no template", str(error)) from None
        self.path = path
        first = next((index for index, (_, field, _, _) in enumerate(parts) if field is not None), len(parts) - 1)
        self.name = "".join(literal for literal, *_ in parts[: first + 1]).strip()
        self.fields = [field for _, field, _, _ in parts if field is not None]
        # The text before the first field is the name, which is cut off the rendered text.
        self._template, self._name_length = text, len("".join(literal for literal, *_ in parts[: first + 1]))
        if not self.name:
            raise InvalidSettings(path, f"{text!r} has no name", 'put text before the first field: "tenant {tenant}"')
        identifiers.name(self.name, path)

    def check(self, function: Callable[..., Any]) -> inspect.Signature:
        """Check the fields against the parameters of a function.

        Whether a parameter has an attribute is known only when a call is made, unless the parameter's annotation is a
        type whose objects can have no attributes but those of the type.

        Returns:
            The signature of the function.

        Raises:
            InvalidSettings: naming the field and the known parameters.
            TypeError, ValueError: when the function has no signature.
        """
        signature = inspect.signature(function)
        known = list(signature.parameters)
        for field in self.fields:
            parameter = _parameter(field)
            if parameter not in known:
                raise InvalidSettings(
                    self.path, f"there is no parameter {parameter!r}", f"known are {', '.join(known)}"
                )
        hints = _hints(function)
        for field in self.fields:
            self._check_attributes(field, hints)
        return signature

    def render(self, signature: inspect.Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """The key of a call with these arguments.

        Raises:
            NoKeyError: when they make no key.
        """
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError:
            raise NoKeyError("the arguments are not those of the function") from None
        bound.apply_defaults()
        try:
            return self._template.format(**bound.arguments)[self._name_length :]
        except Exception as error:
            raise NoKeyError(self._why(bound.arguments, error)) from None

    def _why(self, arguments: Mapping[str, Any], error: Exception) -> str:
        """The field that failed; reading an attribute of an argument may run its code, and raise anything."""
        for field in self.fields:
            try:
                _FORMATTER.get_field(field, (), arguments)
            except Exception as cause:
                return f"there is no {{{field}}}: {type_name(type(cause))}"
        return f"a field cannot be written: {type_name(type(error))}"

    def _check_attributes(self, field: str, hints: Mapping[str, Any]) -> None:
        kind: Any = hints.get(_parameter(field))
        for name in field.split(".")[1:]:
            if "[" in name or not isinstance(kind, type):
                return
            if not hasattr(kind, name):
                if _takes_any_attribute(kind):
                    return
                known = [each for each in dir(kind) if not each.startswith("_")]
                raise InvalidSettings(
                    self.path, f"there is no {{{field}}}: {type_name(kind)} has no {name!r}", nearest(name, known)
                )
            kind = _hints(kind).get(name)


def _parameter(field: str) -> str:
    return field.partition(".")[0].partition("[")[0]


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
