"""Reads what attributes and bodies say: a value of one of OTLP's kinds, which may hold others."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from otel_breaker_cli.otlp.fields import (
    FieldError,
    Json,
    an_object,
    each,
    flag,
    integer,
    number,
    required,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_breaker_cli.otlp.records import Attributes

_DEEPEST: Final = 32


def attributes(owner: Json) -> Attributes:
    return dict(each(owner, "attributes", attribute))


def attribute(said: Any, depth: int = 0) -> tuple[str, Any]:
    """Key and value; `depth` is how many values it is in."""
    key = required(an_object(said), "key", text)
    try:
        return key, None if (wrapped := said.get("value")) is None else value(wrapped, depth)
    except FieldError as misfit:
        raise misfit.within("value") from None


def value(said: Any, depth: int = 0) -> Any:
    """What an attribute or a body says; None for an empty value, or one of a kind that is not known."""
    if depth > _DEEPEST:
        raise FieldError("it is nested too deeply")
    for kind, wrapped in an_object(said).items():
        read = _VALUES.get(kind)
        if read is not None:
            try:
                return read(wrapped, depth)
            except FieldError as misfit:
                raise misfit.within(kind) from None
    return None


def _bytes(said: Any) -> bytes:
    try:
        return base64.b64decode(text(said))
    except ValueError:
        raise FieldError("it is not in base64") from None


_VALUES: Final[Mapping[str, Callable[[Any, int], Any]]] = {
    "stringValue": lambda said, _: text(said),
    "boolValue": lambda said, _: flag(said),
    "intValue": lambda said, _: integer(said),
    "doubleValue": lambda said, _: number(said),
    "bytesValue": lambda said, _: _bytes(said),
    "arrayValue": lambda said, depth: each(an_object(said), "values", lambda item: value(item, depth + 1)),
    "kvlistValue": lambda said, depth: dict(each(an_object(said), "values", lambda item: attribute(item, depth + 1))),
}
