"""Observations of a library, to compare one run with another."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

seen: list[str] = []


def see(value: object) -> None:
    """Add an observation, without addresses, ports and times, which differ between runs."""
    seen.append(re.sub(r"0x[0-9a-f]+|(?<=127\.0\.0\.1:)\d+|(?<=port=)\d+|(?<=timeout=)[\d.]+", "*", repr(value)))


def see_error(function: Callable[..., object], *args: object, **kwargs: object) -> None:
    try:
        see(function(*args, **kwargs))
    except Exception as error:
        see((type(error).__mro__, str(error), type(error.__cause__), type(error.__context__)))


def see_signatures(module: Any) -> None:
    """Observe the signatures and documentation of a library's public names."""
    for name in sorted(dir(module)):
        value = getattr(module, name)
        if name.startswith("_") or inspect.ismodule(value):
            continue
        if inspect.isclass(value) and not issubclass(value, BaseException):
            for attribute in inspect.classify_class_attrs(value):
                if not attribute.name.startswith("__") and attribute.defining_class is value:
                    see((name, attribute.name, attribute.kind))
                    if callable(getattr(value, attribute.name)):
                        see(str(inspect.signature(getattr(value, attribute.name))))
        elif inspect.isfunction(value):
            see((name, str(inspect.signature(value)), value.__doc__, value.__module__, value.__qualname__))
