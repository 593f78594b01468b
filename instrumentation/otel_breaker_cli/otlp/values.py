"""Reads the values of attributes and bodies: OTLP's `AnyValue`, which may hold others, and `KeyValue`."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from otel_breaker_cli.otlp.fields import (
    FieldError,
    Json,
    boolean,
    each,
    integer,
    json_object,
    number,
    required,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otel_breaker_cli.otlp.records import Attributes

_MAX_DEPTH: Final = 32


def attributes(owner: Json) -> Attributes:
    """Read the attributes of an object; empty when it has none."""
    return dict(each(owner, "attributes", key_value))


def key_value(pair: Any, depth: int = 0) -> tuple[str, Any]:
    """Read a key and its value; `depth` is how many values are around it."""
    key = required(json_object(pair), "key", text)
    try:
        return key, None if (wrapped := pair.get("value")) is None else any_value(wrapped, depth)
    except FieldError as error:
        raise error.within("value") from None


def any_value(wrapped: Any, depth: int = 0) -> Any:
    """Read a value; None for an empty one, or for one of an unknown kind."""
    if depth > _MAX_DEPTH:
        raise FieldError("it is nested too deeply")
    for kind, value in json_object(wrapped).items():
        read = _READERS.get(kind)
        if read is not None:
            try:
                return read(value, depth)
            except FieldError as error:
                raise error.within(kind) from None
    return None


def _bytes(value: Any) -> bytes:
    try:
        return base64.b64decode(text(value))
    except ValueError:
        raise FieldError("it is not in base64") from None


_READERS: Final[Mapping[str, Callable[[Any, int], Any]]] = {
    "stringValue": lambda value, _: text(value),
    "boolValue": lambda value, _: boolean(value),
    "intValue": lambda value, _: integer(value),
    "doubleValue": lambda value, _: number(value),
    "bytesValue": lambda value, _: _bytes(value),
    "arrayValue": lambda value, depth: each(json_object(value), "values", lambda item: any_value(item, depth + 1)),
    "kvlistValue": lambda value, depth: dict(
        each(json_object(value), "values", lambda item: key_value(item, depth + 1))
    ),
}
