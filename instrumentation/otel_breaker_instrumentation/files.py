"""Reading a configuration file into plain mappings, lists and values; what they mean is config.py's business.

A file is untrusted text: it is read as a regular file of bounded size, makes no Python objects, and cannot repeat
a key or refer to itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_breaker import InvalidSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES: Final = 256 * 1024


def read_file(name: str) -> Mapping[str, object]:
    """Read a `.json` file, or any other as YAML.

    Raises:
        InvalidSettings: naming the file, the problem and the remedy.
    """
    text = _read_text(name)
    try:
        content = _parse_json(text, name) if name.endswith(".json") else _parse_yaml(text, name)
    except RecursionError:
        raise InvalidSettings(name, "it is nested too deeply", "write it as documented") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InvalidSettings(name, f"it holds {type(content).__name__}", "a mapping: breakers:, targets:")
    return content


def _read_text(name: str) -> str:
    path = Path(name)
    try:
        if not path.is_file():
            problem = "it is not a regular file" if path.exists() else "there is no such file"
            raise InvalidSettings(name, problem, "set OTEL_BREAKER_CONFIG_FILE to the configuration")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise InvalidSettings(name, f"it is larger than {MOST_BYTES} bytes", "is it the right file?")
        return content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(name, "it cannot be read", str(error)) from error


def _parse_json(text: str, name: str) -> Any:
    def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key, value in pairs:
            if key in mapping:
                raise ValueError(f"the key {key!r} stands twice")
            mapping[key] = value
        return mapping

    try:
        return json.loads(text, object_pairs_hook=without_repeats)
    except ValueError as error:
        raise InvalidSettings(name, "it cannot be understood", str(error)) from error


def _parse_yaml(text: str, name: str) -> Any:
    try:
        import yaml  # noqa: PLC0415  # a .json file needs none
    except ImportError:
        remedy = "pip install 'otel-breaker[auto]', or write the file as .json"
        raise InvalidSettings(name, "there is no YAML reader", remedy) from None

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.YAMLError("aliases are not allowed")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT002  # the base class's signature
            seen = set()
            for key_node, _ in node.value:
                key = self.construct_object(key_node, deep=True)
                if key in seen:
                    raise yaml.YAMLError(f"the key {key!r} stands twice{key_node.start_mark}")
                seen.add(key)
            return super().construct_mapping(node, deep)

    try:
        return yaml.load(text, Loader)  # noqa: S506  # a SafeLoader
    except RecursionError:
        raise
    except Exception as error:  # the reader's constructors raise whatever they meet
        raise InvalidSettings(name, "it cannot be understood", " ".join(str(error).split())) from error
