"""Settings as fields of a dataclass: each with its reader, its meaning and an example.

Which settings there are, and where a mapping comes from (code, a file, the environment), is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, TypeVar

from otel_breaker.errors import InvalidSettings
from otel_breaker.settings.messages import below, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Self

    from otel_breaker.settings.readers import Reader

D = TypeVar("D")

# Equal settings are one object where comparing them calls no code of the application: an application may make a breaker
# for each of its own objects.
_SIMPLE_TYPES: Final = frozenset({bool, float, int, str, type(None)})
_KNOWN: Final[dict[object, Any]] = {}
_MOST_KNOWN: Final = 256


def setting(default: object, read: Reader[object], meaning: str, example: str, **needs: str) -> Any:
    """A field of a `SettingsFields`.

    Args:
        default: its value by default, also read.
        read: reads its value.
        meaning: what it does, in Markdown; the field's docstring repeats it for editors.
        example: a value as YAML.
        **needs: other settings that the example needs, as YAML.
    """
    return field(default=default, metadata={"read": read, "meaning": meaning, "example": example, "needs": needs})


@dataclass(frozen=True, kw_only=True, repr=False)
class SettingsFields:
    """A dataclass whose fields are made by `setting` and read when it is made."""

    def __post_init__(self) -> None:
        self._read("")

    # Each dataclass would generate one of its own, which takes a third of its import.
    def __repr__(self) -> str:
        values = ", ".join(f"{spec.name}={getattr(self, spec.name)!r}" for spec in fields(self))
        return f"{type(self).__qualname__}({values})"

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], path: str = "") -> Self:
        """Read settings as a file, the environment or keyword arguments hold them.

        Args:
            mapping: names to values; durations may be text with a unit, references are dotted names.
            path: the path of the mapping, for errors.

        Raises:
            InvalidSettings: for an unknown name, or a value that is not allowed.
        """
        if not _SIMPLE_TYPES.issuperset(map(type, mapping.values())):
            return cls._from_any_mapping(mapping, path)
        identity = cls, *((name, type(value), value) for name, value in mapping.items())
        known: Self | None = _KNOWN.get(identity)
        if known is None:
            known = cls._from_any_mapping(mapping, path)
            if len(_KNOWN) >= _MOST_KNOWN:
                _KNOWN.clear()
            _KNOWN[identity] = known
        return known

    @classmethod
    def _from_any_mapping(cls, mapping: Mapping[str, object], path: str) -> Self:
        cls._check_names(mapping, path)
        settings = object.__new__(cls)
        for spec in fields(cls):
            object.__setattr__(settings, spec.name, mapping.get(spec.name, spec.default))
        settings._read(path)
        return settings

    @classmethod
    def read_values(cls, mapping: Mapping[str, object], path: str = "") -> dict[str, object]:
        """Read some settings, each on its own.

        Args:
            mapping: names to values, as for `from_mapping`, which accepts the result, too.
            path: the path of the mapping, for errors.

        Raises:
            InvalidSettings: for an unknown name, or a value that is not allowed.
        """
        cls._check_names(mapping, path)
        read = {spec.name: spec.metadata["read"] for spec in fields(cls)}
        return {name: read[name](value, join(path, name)) for name, value in mapping.items()}

    def derived(self, make: Callable[[Self], D]) -> D:
        """What a function makes of these settings; made once, for all circuits that have them."""
        # Not `cached_property`: until Python 3.12 it locks, and a forked child may find the lock held for ever.
        name = f"_made_by_{make.__name__}"
        made: D | None = getattr(self, name, None)
        if made is None:
            made = make(self)
            self._keep(name, made)
        return made

    def __getstate__(self) -> dict[str, object]:
        """Pickle the settings alone: what is derived from them is made again."""
        return {spec.name: getattr(self, spec.name) for spec in fields(self)}

    def _read(self, path: str) -> None:
        for spec in fields(self):
            self._keep(spec.name, spec.metadata["read"](getattr(self, spec.name), join(path, spec.name)))

    def _keep(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    @classmethod
    def _check_names(cls, mapping: Mapping[str, object], path: str) -> None:
        known = {spec.name for spec in fields(cls)}
        for name in mapping:
            if name not in known:
                raise InvalidSettings(below(path, name), "there is no such setting", nearest(name, known))


def join(path: str, name: str) -> str:
    """The path of a setting in a mapping."""
    return f"{path}.{name}" if path else name
