"""Thousands of broken configurations: each is parsed, or one clear error, and no code that it names runs.

Files are mutated byte by byte and by what YAML makes trouble with; mappings are made up of almost right parts. What
is understood must be allowed by the JSON Schema, too.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from otel_breaker import InvalidSettings
from otel_breaker.settings import Settings
from otel_breaker_cli.json_schema import schema
from otel_breaker_instrumentation.config import Configuration, parse_configuration
from tests.instrumentation.configuration_files import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MUTANTS: Final = 2500
"""Of each of the two formats."""
SCHEMA: Final = Draft202012Validator(schema())

REAL: Final = """
defaults: {recovery_time: 30s, window: 60s}
breakers:
  payments: {failure_threshold: 3, ignore: [sentinel.CardDeclined], failure_result: "sentinel:is_bad", mode: shadow}
  search: {state: forced_open, reason: INC-4711, slow_call_duration: 500ms, slow_call_rate: 0.5}
targets:
  - {function: "sentinel:PaymentClient.charge", breaker: payments, fallback: "sentinel:charge_later"}
  - {function: "sentinel:*Client.send_*", exclude: ["sentinel:TestClient.*"], minimum_calls: 5}
  - {function: "sentinel:find", breaker: "tenant {tenant}"}
reload: 5s
"""
SENTINEL: Final = """
from pathlib import Path
Path(__file__).with_suffix(".imported").touch()
def made(*args, **kwargs): Path(__file__).with_suffix(".called").touch()
"""
TROUBLE: Final = (
    *("!!python/object/apply:sentinel.made []", "!!python/name:sentinel.made", "!!python/module:sentinel", "!!python/"),
    *("!!python/object/new:sentinel.made", "!!binary x", "!!int x", "!!set {a}", "!!omap [a]", "!x y", "&a", "*a"),
    *("<<: ", "? ", "- ", ": ", ", ", "{", "}", "[", "]", "|", ">", "%YAML 9.9\n---\n", "---", "...", "\t", "\n", "  "),
    *(".nan", ".inf", "-1", "0", "1e999", "9" * 5000, "0x_", "1:00:00", "2024-13-45", "2024-01-01", "yes", "off", "~"),
    *('"', "'", "\\", "\x00", "\x85", "\ufeff", "\U0001f600", "#", "[" * 30, "{a: " * 30, "null", "true", "[[]]"),
    *("sentinel:made", "sentinel.made", "os:system", "breakers", "targets", "function", "state", "{}", "{0}", "{a!r}"),
)


@pytest.fixture
def sentinel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A module that every configuration names, and that leaves a trace when it is imported or called."""
    (tmp_path / "sentinel.py").write_text(SENTINEL)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    assert "sentinel" not in sys.modules
    assert [path.name for path in tmp_path.glob("sentinel.*")] == ["sentinel.py"]


def read(file: Path) -> Any:
    """The content of a file, or the error; any other exception is raised."""
    try:
        return read_file(str(file))
    except InvalidSettings as error:
        return error


def meaning(content: Any) -> Configuration | InvalidSettings:
    """The configuration, or the error; any other exception is raised."""
    try:
        return parse_configuration(content, "")
    except InvalidSettings as error:
        return error


def is_clear(error: InvalidSettings) -> bool:
    return all((error.path, error.problem, error.remedy))


def is_allowed(content: object) -> bool:
    """By the JSON Schema."""
    return bool(SCHEMA.is_valid(content))


def mutants(text: str, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)
    for _ in range(MUTANTS):
        mutant = text
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(mutant) + 1)
            end = at + chance.choice((0, 0, 1, 1, 5, 40))
            mutant = mutant[:at] + chance.choice((*TROUBLE, "", "", mutant[end : end + 60])) + mutant[end:]
        raw = bytearray(mutant.encode(errors="surrogatepass"))
        if raw and chance.random() < 0.1:
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        yield bytes(raw)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mutant.yaml", "mutant.json"])
def test_a_mutated_file_is_understood_or_one_clear_error(sentinel: Path, name: str) -> None:
    file = sentinel / name
    text = REAL if name.endswith(".yaml") else json.dumps(yaml.safe_load(REAL), indent=1)
    kinds = {"unreadable": 0, "refused": 0, "understood": 0}

    for mutant in mutants(text, seed=len(name)):
        file.write_bytes(mutant)
        content = read(file)
        found = content if isinstance(content, InvalidSettings) else meaning(content)
        if isinstance(found, InvalidSettings):
            assert is_clear(found)
            kinds["unreadable" if found is content else "refused"] += 1
        else:
            assert is_allowed(content), content
            kinds["understood"] += 1

    assert all(kinds.values()), kinds  # each is tried, or the mutants are of one kind


VALUES: Final = st.one_of(
    st.sampled_from(
        [
            *(None, True, False, 0, 1, 3, -1, 0.5, 1.0, 2.5, 10**400, float("nan"), float("inf"), "", " ", "off"),
            *(
                "30s",
                "500ms",
                " 10 m ",
                "0s",
                "1h ",
                "soon",
                "1e3s",
                "shadow",
                "forced_open",
                "forced_closed",
                "closed",
            ),
            *("sentinel.made", "sentinel:made", "retry_after", "a.b:c.d", "x y", "sentinel:*", "sentinel:*.send_*"),
            *("payments", "tenant {a}", "{a}", "{{a}}b", "a {", "sentinel:Client.charge", "a:b:c"),
        ]
    ),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
)
RIGHT: Final[dict[str, list[Any]]] = {
    **{spec.name: [yaml.safe_load(spec.metadata["example"])] for spec in fields(Settings)},
    "state": ["forced_open", "forced_closed", None],
    "reason": ["INC-4711"],
    "actor": ["ann", None],
    "breaker": ["payments", "tenant {a}", "sentinel:Client.charge", None],
    "exclude": [None, []],
}
ALL_BUT_ONE: Final = 15


def mostly(right: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Valid values, and at times any other value."""
    return st.integers(0, ALL_BUT_ONE).flatmap(lambda number: right if number else ANYTHING)


ANYTHING: Final = st.one_of(
    VALUES, st.lists(VALUES, max_size=3), st.dictionaries(st.text(max_size=4), VALUES, max_size=2)
)


def entry(*others: str) -> st.SearchStrategy[Any]:
    """Some settings and other keys, and now and then a key that is not known."""
    known = {
        name: mostly(st.sampled_from(RIGHT[name])) for name in (*(spec.name for spec in fields(Settings)), *others)
    }
    chosen = st.lists(st.sampled_from(sorted(known)), max_size=3, unique=True)
    known_keys = chosen.flatmap(lambda names: st.fixed_dictionaries({name: known[name] for name in names}))
    strange = st.integers(0, ALL_BUT_ONE).flatmap(
        lambda number: st.just({}) if number else st.dictionaries(NAMES, VALUES, max_size=1)
    )
    return mostly(st.builds(lambda *parts: {**parts[0], **parts[1]}, known_keys, strange))


NAMES: Final = st.one_of(st.sampled_from(["payments", "sentinel:Client.charge", "tenant"]), st.text(max_size=5), VALUES)
FUNCTIONS: Final = st.sampled_from(
    ["sentinel:f", "sentinel:g", "sentinel:h", "sentinel:Client.charge", "sentinel:Client.*", "sentinel:*", "else:f"]
)
TARGETS: Final = st.builds(
    lambda entry, function: {**entry, "function": function} if isinstance(entry, dict) else entry,
    entry("breaker", "exclude"),
    mostly(FUNCTIONS),
)
MAPPINGS: Final = st.fixed_dictionaries(
    {},
    optional={
        "defaults": entry(),
        "breakers": mostly(
            st.dictionaries(st.one_of(*[st.text(max_size=5)] * 9, NAMES), entry("state", "reason", "actor"), max_size=3)
        ),
        "targets": mostly(st.lists(TARGETS, max_size=3)),
        "reload": mostly(st.sampled_from(["5s", 0.5, None])),
    },
)


@pytest.mark.slow
@pytest.mark.usefixtures("sentinel")
@settings(
    max_examples=1500,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(MAPPINGS)
def test_a_mapping_of_almost_right_parts_is_understood_or_one_clear_error(mapping: dict[str, Any]) -> None:
    found = meaning(mapping)

    assert is_clear(found) if isinstance(found, InvalidSettings) else is_allowed(mapping), mapping


def test_a_random_byte_string_is_understood_or_one_clear_error(sentinel: Path) -> None:
    chance = random.Random(1)
    for number in range(300):
        file = sentinel / f"noise.{'json' if number % 2 else 'yaml'}"
        file.write_bytes(chance.randbytes(chance.randrange(200)))
        content = read(file)
        found = content if isinstance(content, InvalidSettings) else meaning(content)
        assert isinstance(found, Configuration) or is_clear(found)
