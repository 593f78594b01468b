"""What an entry under `targets:` says: which functions, by which breaker, with which settings.

Beside `function`, `breaker` and `exclude`, an entry may say any setting of a breaker. Those settings win over what
`breakers:` and `defaults:` say of the breaker that the entry names, or that each of its functions has of its own.
Nothing is looked up here: what a name stands for is the business of targets/.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from otel_breaker import InvalidSettings
from otel_breaker.key_template import Template
from otel_breaker.settings import Settings, identifiers
from otel_breaker.settings.readers import below, each, mapping, nearest, no_text
from otel_breaker_instrumentation.patterns import Pattern, Patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from otel_breaker_instrumentation.problems import Problems

_OWN_KEYS: Final = ("function", "breaker", "exclude")
_SETTINGS: Final = frozenset(spec.name for spec in fields(Settings))
KEYS: Final = (*_OWN_KEYS, *sorted(_SETTINGS))
"""Everything that an entry may say."""


@dataclass(frozen=True, eq=False)
class Target:
    """What to guard: one function, or all that a pattern stands for."""

    function: str
    """`module:qualified.name`, with `*` within one dotted part after the colon."""
    breaker: str | None
    """The breaker's name, with fields that make a key; None for one of its own for each function, named after it."""
    settings: Mapping[str, object]
    """What the entry itself says of the breaker, read; what it does not say is not in it."""
    path: str
    """Where it stands in the configuration."""
    pattern: Pattern
    excluded: Patterns
    """Functions, or classes with all that is in them, that are not guarded."""
    function_settings: Settings | None
    """What a breaker has that is named after a function, unless the configuration names it, too."""

    def __str__(self) -> str:
        return self.function

    def template(self, function: str) -> Template:
        """Which breaker guards one of its functions."""
        return Template(self.breaker or identifiers.clean(function), f"{self.path}.breaker")

    def matches(self, function: str) -> bool:
        """Whether it names a function, given as `module:qualified.name`, which is looked for nowhere."""
        return self.pattern.matches(function) and not self.excludes(function.partition(":")[2])

    def excludes(self, qualified_name: str) -> bool:
        """Whether what stands there in its module is to be left alone."""
        return self.excluded.covers(qualified_name)


def read_targets(
    items: Iterable[object],
    path: str,
    make: Callable[[Mapping[str, object], str], Settings],
    problems: Problems,
) -> tuple[Target, ...]:
    """Read all entries that are right.

    Args:
        items: the entries.
        path: where they stand.
        make: makes settings of what an entry says and of the defaults; is told where it stands.
        problems: what is wrong goes there.
    """
    named: dict[str, Target] = {}
    for index, item in enumerate(items):
        with problems:
            target = _read(mapping(item, f"{path}[{index}]"), f"{path}[{index}]", make, problems)
            if target is None:
                continue
            other = named.setdefault(target.function, target)
            if other is not target:
                problem = f"{target.function!r} is guarded by {other.path} already"
                raise InvalidSettings(f"{target.path}.function", problem, "name it once")
    return tuple(named.values())


def _read(
    item: Mapping[str, object], path: str, make: Callable[[Mapping[str, object], str], Settings], problems: Problems
) -> Target | None:
    """An entry; None when any of it is wrong."""
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
    ready = make(settings, path) if pattern.is_wild and breaker is None else None
    return Target(
        pattern.text,
        breaker,
        settings,
        path,
        pattern,
        Patterns(excluded),
        ready,
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
    """What the targets say of each breaker that is known before their modules are, and where.

    Args:
        targets: what is to be guarded.
        configured: names of breakers that are configured on their own.
        problems: two targets of one breaker that say different things go there.
    """
    said: dict[str, tuple[dict[str, object], str]] = {}
    wild: dict[str, list[Target]] = {}
    for target in targets:
        if target.function_settings is not None:
            wild.setdefault(target.pattern.module, []).append(target)
            continue
        name = target.template(target.function).name
        settings, path = said.setdefault(name, ({}, target.path))
        with problems:
            for setting, value in target.settings.items():
                if settings.setdefault(setting, value) != value:
                    problem = f"{path} says something else of the same breaker {name!r}"
                    raise InvalidSettings(f"{target.path}.{setting}", problem, "say it once, or name two breakers")
    forms: dict[str, Patterns] = {}
    for name in configured:
        module, _, qualified_name = name.partition(":")
        if name in said or module not in wild:
            continue
        if module not in forms:
            forms[module] = Patterns(target.pattern for target in wild[module])
        fitting = (wild[module][index] for index in forms[module].fitting(qualified_name))
        first = next((target for target in fitting if target.matches(name)), None)
        if first is not None:
            said[name] = (dict(first.settings), first.path)
    return said
