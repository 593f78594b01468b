"""Reads YAML into mappings, lists and values, within bounds. The files are the business of files.py.

Anchors, aliases and merge keys are followed. What they make of a small file is bounded, and none may contain itself.
An error names the position and never quotes the text: the file may be another than was meant, with secrets.
"""

from __future__ import annotations

import os
import re
from typing import Any, Final

import yaml

from otel_breaker.settings.messages import below

MOST_EXPANDED: Final = 1024 * 1024
"""Characters and values when each alias is replaced by its value."""

_MERGE: Final = "tag:yaml.org,2002:merge"
_TEXT: Final = "tag:yaml.org,2002:str"
_QUOTED: Final = re.compile("'(.|<[a-z ]+>|[^']*)'")
"""In the reader's messages: a character, a term of the grammar, or a quotation of the text."""
_VARIABLE: Final = re.compile(r"\$(?:\$|\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})")


class UnreadableError(Exception):
    """The text is no YAML that is read here; the message has the position and the reason."""


class TooDeepError(Exception):
    """It is nested too deeply."""


def read_yaml(text: str, deepest: int, *, variables: bool = False) -> Any:
    """Read a text.

    Args:
        text: the YAML.
        deepest: how many mappings and lists may be nested, before aliases are followed.
        variables: whether values refer to the environment, as those of OpenTelemetry's declarative configuration do.

    Raises:
        UnreadableError: when it cannot be read.
        TooDeepError: when it is nested too deeply.
    """
    loader: Any = None
    try:
        loader = _Loader(text)
        loader.deepest, loader.variables = deepest, variables
        return loader.get_single_data()
    except (RecursionError, TooDeepError):
        raise TooDeepError from None
    except Exception as error:  # the reader's constructors raise errors of any type
        raise UnreadableError(_described(error)) from None
    finally:
        if loader is not None:
            loader.dispose()


def _described(error: Exception) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return f"position {error.position}: {error.reason}"
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it is no YAML"
    if not isinstance(error, _RepeatedKeyError):
        problem = _QUOTED.sub(lambda match: match[0] if len(match[1]) == 1 or match[1][:1] == "<" else "'...'", problem)
    return problem if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def _wrong(node: yaml.Node, problem: str) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


class _Loader(yaml.SafeLoader):
    deepest = 0
    variables = False

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._sizes: dict[yaml.Node, int] = {}
        """Of each node that is complete, with aliases replaced."""
        self._flat: set[yaml.Node] = set()

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        if self._depth > self.deepest + 1:  # one more for a value in the deepest; the stack may allow more
            raise TooDeepError
        is_alias = self.check_event(yaml.AliasEvent)
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # its types leave that open
        node: Any = super().compose_node(parent, index)
        self._depth -= 1
        if is_alias and node not in self._sizes:
            raise yaml.constructor.ConstructorError(None, None, "an alias is within its own value", mark)
        if not is_alias:
            if self.variables and index is not None:
                self._substitute(node)
            self._sizes[node] = self._size_of(node)
        if self._sizes[node] > MOST_EXPANDED:
            problem = f"aliases make it larger than {MOST_EXPANDED} characters; write out what differs"
            raise yaml.constructor.ConstructorError(None, None, problem, mark)
        return node

    def _size_of(self, node: yaml.Node) -> int:
        if isinstance(node, yaml.MappingNode):
            return 1 + sum(self._sizes[key] + self._sizes[value] for key, value in node.value)
        if isinstance(node, yaml.SequenceNode):
            return 1 + sum(self._sizes[item] for item in node.value)
        return 1 + len(node.value)

    def _substitute(self, node: yaml.Node) -> None:
        """Replace variables of the environment in a value; a value that is one variable has the type of its text."""
        if node.tag != _TEXT or not isinstance(node, yaml.ScalarNode):
            return
        whole = _VARIABLE.fullmatch(node.value)
        node.value = _VARIABLE.sub(_in_the_environment, node.value)
        if whole and whole[1] and node.style is None:
            node.tag = self.resolve(yaml.ScalarNode, node.value, (True, False))  # type: ignore[no-untyped-call]  # likewise

    def construct_object(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT002  # the base class's signature
        try:
            return super().construct_object(node, deep)
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception:
            raise _wrong(node, f"it is no {node.tag.rpartition(':')[2]} that can be read") from None

    def flatten_mapping(self, node: Any) -> None:
        """Merge the mappings of merge keys: of equal keys the first mapping's counts, and the node's own before all.

        Releases of PyYAML differ in which of several counts. Source: https://yaml.org/type/merge.html
        """
        if node in self._flat:  # another mapping has been merged with it
            return
        self._flat.add(node)
        self._refuse_repeats(node)
        merged: list[Any] = []
        own = []
        for pair in node.value:
            if pair[0].tag != _MERGE:
                own.append(pair)
                continue
            sources = pair[1].value if isinstance(pair[1], yaml.SequenceNode) else [pair[1]]
            for source in reversed(sources):
                if not isinstance(source, yaml.MappingNode):
                    raise _wrong(source, "only mappings can be merged")
                self.flatten_mapping(source)
                merged += source.value
        node.value = merged + own

    def _refuse_repeats(self, node: Any) -> None:
        seen = set()
        for key_node, _ in node.value:
            key = "<<" if key_node.tag == _MERGE else self.construct_object(key_node, deep=True)
            try:
                is_known = key in seen
            except TypeError:
                raise _wrong(key_node, "a key is a list or a mapping") from None
            if is_known:
                raise _RepeatedKeyError(None, None, f"the key {below('', key)!r} occurs twice", key_node.start_mark)
            seen.add(key)


class _RepeatedKeyError(yaml.constructor.ConstructorError):
    """Its message names the key, and quotes nothing else."""


def _in_the_environment(match: re.Match[str]) -> str:
    if match[1] is None:
        return "$"
    return os.environ.get(match[1], match[2] or "")
