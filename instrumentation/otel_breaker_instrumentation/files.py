"""Reads a configuration file into mappings, lists and values; config.py knows what they mean.

A file is untrusted text: it is read as a regular file of bounded size and depth, makes no Python objects, and cannot
repeat a key or contain itself.
"""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any, Final

from otel_breaker import InvalidSettings
from otel_breaker.settings.messages import below, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES: Final = 256 * 1024
DEEPEST: Final = 16
"""Mappings and lists within each other; a configuration needs five."""
_WHICH: Final = "name the configuration file"


def parse(text: str, name: str, *, variables: bool = False) -> Mapping[str, object]:
    """Parse the content of a file.

    Args:
        text: the content.
        name: of the file; `.json` at its end makes it JSON, anything else YAML.
        variables: whether values refer to the environment, as those of OpenTelemetry's declarative configuration do.

    Raises:
        InvalidSettings: naming the file, the problem and the remedy.
    """
    try:
        content = _parse_json(text, name) if name.endswith(".json") else _parse_yaml(text, name, variables)
        too_deep = _depth(content) > DEEPEST
    except RecursionError:
        too_deep = True
    if too_deep:
        raise InvalidSettings(name, "it is nested too deeply", "write it as documented")
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InvalidSettings(name, f"it holds {shown(content)}", "a mapping: breakers:, targets:")
    return content


def read_text(name: str) -> str:
    """Read a regular file of bounded size.

    Raises:
        InvalidSettings: naming the file, the problem and the remedy.
    """
    try:
        with open(name, "rb", opener=_open_without_waiting) as file:  # a Path takes no opener
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InvalidSettings(name, "it is not a regular file", _WHICH)
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise InvalidSettings(name, "there is no such file", _WHICH) from None
    except IsADirectoryError:
        raise InvalidSettings(name, "it is not a regular file", _WHICH) from None
    except OSError as error:
        raise InvalidSettings(name, "it cannot be read", str(error)) from error
    if len(content) > MOST_BYTES:
        raise InvalidSettings(name, f"it is larger than {MOST_BYTES} bytes", "is it the right file?")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidSettings(name, "it cannot be read", str(error)) from error


def _open_without_waiting(name: str, flags: int) -> int:
    """Open a file; a pipe would otherwise block until a process writes to it."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _depth(content: object) -> int:
    """How many mappings and lists are nested."""
    depth, layer = 0, [content]
    while layer := [part for part in layer if isinstance(part, dict | list)]:
        depth += 1
        layer = [inner for part in layer for inner in (part.values() if isinstance(part, dict) else part)]
    return depth


def _parse_json(text: str, name: str) -> Any:
    def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, value in pairs:
            if key in mapping:
                raise ValueError(f"the key {below('', key)!r} occurs twice")
            mapping[key] = value
        return mapping

    try:
        return json.loads(text, object_pairs_hook=without_repeats)
    except ValueError as error:
        raise InvalidSettings(name, "it cannot be understood", str(error)) from error


def _parse_yaml(text: str, name: str, variables: bool) -> Any:
    try:
        import yaml  # noqa: F401, PLC0415  # optional: a .json file needs none
    except ImportError:
        remedy = "pip install 'otel-breaker[auto]', or write the file as .json"
        raise InvalidSettings(name, "there is no YAML reader", remedy) from None
    from otel_breaker_instrumentation import yaml_text  # noqa: PLC0415  # it needs PyYAML

    try:
        return yaml_text.read_yaml(text, DEEPEST, variables=variables)
    except yaml_text.TooDeepError:
        raise RecursionError from None
    except yaml_text.UnreadableError as error:
        raise InvalidSettings(name, "it cannot be understood", str(error)) from None
