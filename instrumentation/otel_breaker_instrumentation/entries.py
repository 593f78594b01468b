"""Entries under `targets:`: which functions are guarded, by which breaker, with which settings.

Beside `function`, `breaker` and `exclude`, an entry may have any setting of a breaker: of the breaker that the entry
names, or of the one that each of its functions has of its own. Those settings win over `breakers:` and `defaults:`.
Nothing is looked up here: targets/ resolves the names.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from otel_breaker import InvalidSettings
from otel_breaker.key_template import Template
from otel_breaker.settings import Settings
from otel_breaker.settings.messages import below, nearest, no_text
from otel_breaker.settings.readers import each, mapping
from otel_breaker.text import clean
from otel_breaker_instrumentation.patterns import Pattern, Patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otel_breaker_instrumentation.problems import Problems

_OWN_KEYS: Final = ("function", "breaker", "exclude")
_SETTINGS: Final = frozenset(spec.name for spec in fields(Settings))
KEYS: Final = (*_OWN_KEYS, *sorted(_SETTINGS))
"""The keys of an entry."""


@dataclass(frozen=True, eq=False)
class Target:
    """What to guard: one function, or all that a pattern matches."""

    function: str
    """`module:qualified.name`, with `*` within one dotted part after the colon."""
    breaker: str | None
    """The breaker's name, with fields that make a key; None for one of its own for each function, named after it."""
    settings: Mapping[str, object]
    """The breaker's settings in the entry itself, as they were read."""
    path: str
    """Where it is in the configuration."""
    pattern: Pattern
    excluded: Patterns
    """Functions, or classes with all that is in them, that are not guarded."""
    function_settings: Settings | None
    """The settings of breakers that are named after its functions, unless `breakers:` has them; of a pattern alone."""

    def __str__(self) -> str:
        return self.function

    def template(self, function: str) -> Template:
        """Which breaker guards one of its functions."""
        return Template(self.breaker or clean(function), f"{self.path}.breaker")

    def matches(self, function: str) -> bool:
        """Whether it names a function, given as `module:qualified.name`; by the name alone."""
        return self.pattern.matches(function) and not self.excludes(function.partition(":")[2])

    def excludes(self, qualified_name: str) -> bool:
        """Whether a function of its module, or the class around it, is excluded."""
        return self.excluded.covers(qualified_name)


def read_targets(
    items: Iterable[object],
    path: str,
    make: Callable[[Mapping[str, object], str], Settings],
    problems: Problems,
) -> tuple[Target, ...]:
    """Read the entries; one with a mistake is not in the result.

    Args:
        items: the entries.
        path: where they are in the configuration.
        make: makes settings of an entry's own values and of the defaults, given the values and their path.
        problems: collects the mistakes.
    """
    named: dict[str, Target] = {}
    for index, item in enumerate(items):
        with problems:
            target = _read(mapping(item, f"{path}[{index}]"), f"{path}[{index}]", make, problems)
            if target is None:
                continue
            first = named.setdefault(target.function, target)
            if first is not target:
                problem = f"{target.function!r} is guarded by {first.path} already"
                raise InvalidSettings(f"{target.path}.function", problem, "name it once")
    return tuple(named.values())


def _read(
    item: Mapping[str, object], path: str, make: Callable[[Mapping[str, object], str], Settings], problems: Problems
) -> Target | None:
    """An entry; None when it has a mistake."""
    before = len(problems)
    settings: dict[str, object] = {}
    excluded: tuple[Pattern, ...] = ()
    breaker: str | None = None
    for key, value in item.items():
        with problems:
            if key not in KEYS:
                raise InvalidSettings(below(path, key), "there is no such key", nearest(key, KEYS))
            if key in _SETTINGS:
                settings |= Settings.read_values({key: value}, path)
    with problems:
        breaker = _read_breaker(item.get("breaker"), f"{path}.breaker")
    with problems:
        pattern = Pattern(item.get("function"), f"{path}.function")
        excluded = _read_excluded(item.get("exclude"), pattern, f"{path}.exclude")
    if len(problems) != before:
        return None
    function_settings = make(settings, path) if pattern.is_wild and breaker is None else None
    return Target(
        pattern.text,
        breaker,
        settings,
        path,
        pattern,
        Patterns(excluded),
        function_settings,
    )


def _read_breaker(value: object, path: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value:
        raise no_text(path, value, "the name of a breaker")
    Template(value, path)
    return value


def _read_excluded(value: object, pattern: Pattern, path: str) -> tuple[Pattern, ...]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise no_text(path, value, "a list of names such as shop.clients:TestClient.*")
    if value and not pattern.is_wild:
        raise InvalidSettings(path, f"{pattern.text!r} is one function", "leave `exclude` to names with a `*`")

    def read(text: object, path: str) -> Pattern:
        other = Pattern(text, path)
        if other.module != pattern.module:
            problem = f"{other.text!r} is not in the module {pattern.module!r}, so nothing of it is guarded"
            raise InvalidSettings(path, problem, f"name something of {pattern.module!r}")
        return other

    return each(read, value, path)


def settings_by_breaker(
    targets: Iterable[Target], configured: Iterable[str], problems: Problems
) -> Mapping[str, tuple[Mapping[str, object], str]]:
    """The settings that targets configure of breakers whose names are known before any module is imported.

    Args:
        targets: what is to be guarded.
        configured: names of breakers that have an entry of their own.
        problems: collects targets that configure one breaker differently.

    Returns:
        By the breaker's name, its settings, and the path of the first target that uses it.
    """
    by_breaker: dict[str, tuple[dict[str, object], str]] = {}
    wild: dict[str, list[Target]] = {}
    for target in targets:
        if target.function_settings is not None:
            wild.setdefault(target.pattern.module, []).append(target)
            continue
        name = target.template(target.function).name
        settings, path = by_breaker.setdefault(name, ({}, target.path))
        with problems:
            for setting, value in target.settings.items():
                if settings.setdefault(setting, value) != value:
                    problem = f"{path} configures the same breaker {name!r} differently"
                    raise InvalidSettings(f"{target.path}.{setting}", problem, "set it once, or name two breakers")
    forms: dict[str, Patterns] = {}
    for name in configured:
        module, _, qualified_name = name.partition(":")
        if name in by_breaker or module not in wild:
            continue
        if module not in forms:
            forms[module] = Patterns(target.pattern for target in wild[module])
        fitting = (wild[module][index] for index in forms[module].fitting(qualified_name))
        first = next((target for target in fitting if target.matches(name)), None)
        if first is not None:
            by_breaker[name] = (dict(first.settings), first.path)
    return by_breaker
