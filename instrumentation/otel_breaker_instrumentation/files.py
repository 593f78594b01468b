"""Reading a configuration file into plain mappings, lists and values; what they mean is config.py's business.

A file is untrusted text: it is read as a regular file of bounded size and depth, makes no Python objects, and cannot
repeat a key or hold itself. One of OpenTelemetry's declarative configuration is read where `check` is asked to.
"""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any, Final

from otel_breaker import InvalidSettings
from otel_breaker.settings.messages import below, shown
from otel_breaker.settings.readers import mapping

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES: Final = 256 * 1024
DEEPEST: Final = 16
"""Mappings and lists within each other; a configuration needs five."""
_DECLARATIVE: Final = ("file_format", "instrumentation/development")
"""What OpenTelemetry's declarative configuration says at its top, and no configuration of ours."""
_OURS: Final = ("instrumentation/development", "python", "otel_breaker")
_WHICH: Final = "name the configuration file"


def read_file(name: str) -> Mapping[str, object]:
    """Read a `.json` file, or any other as YAML.

    Raises:
        InvalidSettings: naming the file, the problem and the remedy.
    """
    return parse(read_text(name), name)


def parse(text: str, name: str, *, variables: bool = False) -> Mapping[str, object]:
    """What a file says.

    Args:
        text: what stands in it.
        name: what it is called, which tells JSON from YAML.
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


def parse_any(text: str, name: str) -> tuple[Mapping[str, object], str]:
    """What a file says of breakers, and the path where: of its own, or in OpenTelemetry's declarative configuration.

    Raises:
        InvalidSettings: naming the file, the problem and the remedy; also when a declarative one says nothing.
    """
    content = parse(text, name)
    if not any(key in content for key in _DECLARATIVE):
        return content, f"{name}: "
    part: object = parse(text, name, variables=True)
    path = f"{name}: "
    for key in _OURS:
        found = mapping(part, path.rstrip(". ")).get(key)
        if found is None:
            where = ".".join(_OURS)
            raise InvalidSettings(f"{path}{key}", "it says nothing of breakers", f"configure them under {where}")
        part, path = found, f"{path}{key}."
    ours = mapping(part, path.rstrip("."))
    return {key: value for key, value in ours.items() if key != "enabled"}, path


def read_text(name: str) -> str:
    """What stands in a regular file of bounded size.

    Raises:
        InvalidSettings: naming the file, the problem and the remedy.
    """
    try:
        with open(name, "rb", opener=_at_once) as file:  # a Path takes no opener
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


def _at_once(name: str, flags: int) -> int:
    """Open without waiting for whoever writes to a pipe, should it be one."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _depth(content: object) -> int:
    """How many mappings and lists stand within each other."""
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
                raise ValueError(f"the key {below('', key)!r} stands twice")
            mapping[key] = value
        return mapping

    try:
        return json.loads(text, object_pairs_hook=without_repeats)
    except ValueError as error:
        raise InvalidSettings(name, "it cannot be understood", str(error)) from error


def _parse_yaml(text: str, name: str, variables: bool) -> Any:
    try:
        import yaml  # noqa: F401, PLC0415  # a .json file needs none
    except ImportError:
        remedy = "pip install 'otel-breaker[auto]', or write the file as .json"
        raise InvalidSettings(name, "there is no YAML reader", remedy) from None
    from otel_breaker_instrumentation import yaml_text  # noqa: PLC0415  # as above

    try:
        return yaml_text.read_yaml(text, DEEPEST, variables=variables)
    except yaml_text.TooDeepError:
        raise RecursionError from None
    except yaml_text.UnreadableError as error:
        raise InvalidSettings(name, "it cannot be understood", str(error)) from None
