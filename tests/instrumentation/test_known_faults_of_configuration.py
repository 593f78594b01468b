"""What configurations of other libraries were seen to do to their processes, tried on ours.

Those that need a process of their own are in test_reload_process.py (a reload half done, side effects of an import),
test_instrumentor.py (one instrumentation that stops all others) and tests/end_to_end/test_sources.py (a typo that
leaves everything unguarded).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from otel_breaker import InvalidSettings, get_breaker
from otel_breaker_instrumentation.config import parse_configuration
from otel_breaker_instrumentation.files import DEEPEST, MOST_BYTES
from tests.instrumentation.configuration_files import read_file

if TYPE_CHECKING:
    from tests.instrumentation.applications import Application

TRACE = "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()\n"


def written(folder: Path, content: str | bytes, name: str = "breakers.yaml") -> str:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(file)


# --- naming a module runs it


def test_a_module_that_is_named_runs_when_the_application_imports_it_and_not_before(
    application: Application, tmp_path: Path
) -> None:
    target = application.write(TRACE + "def charge(): pass")
    settings = application.write(TRACE + "class Declined(Exception): pass")
    application.instrumentor.instrument(
        breakers={target: {"ignore": [f"{settings}.Declined"]}},
        targets=[{"function": f"{target}:charge", "breaker": target}],
    )
    ran_when_named = [path.name for path in tmp_path.glob("*.ran")]

    importlib.import_module(target)

    assert ran_when_named == []
    assert sorted(path.stem for path in tmp_path.glob("*.ran")) == sorted([target, settings])
    assert get_breaker(target).settings.ignore == (sys.modules[settings].Declined,)


@pytest.mark.parametrize(
    "name", ["__import__('os')", "os.system('true')", "../shop:charge", "shop:charge;x", "shop:(charge)", "shop :x"]
)
def test_a_name_is_dotted_words_and_no_expression(name: str) -> None:
    for content in ({"targets": [{"function": name}]}, {"breakers": {"payments": {"fallback": name}}}):
        with pytest.raises(InvalidSettings):
            parse_configuration(content, "")


# --- text that becomes code


@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.mkdir [made]",
        "!!python/object/new:os.mkdir [made]",
        "!!python/object:pathlib.Path {}",
        "!!python/name:os.mkdir",
        "!!python/module:antigravity",
        "!!python/tuple [a]",
        "!application/specific x",
    ],
)
def test_a_tag_makes_no_object_and_calls_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(InvalidSettings, match="could not determine a constructor"):
        read_file(written(tmp_path, f"breakers: {tag}"))

    assert not (tmp_path / "made").exists()
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("key", ["_target_", "class", "()", "__class__", "call"])
def test_no_key_names_something_to_be_called(key: str) -> None:
    with pytest.raises(InvalidSettings, match="there is no such"):
        parse_configuration({"breakers": {"payments": {key: "os.system"}}}, "")


@pytest.mark.parametrize("name", ["json.JSONDecoder", "os.sep", "os"])
def test_what_is_named_as_an_exception_is_one_or_a_predicate(name: str) -> None:
    settings = parse_configuration({"breakers": {"payments": {"ignore": [name]}}}, "").breakers["payments"]

    with pytest.raises(InvalidSettings) as caught:
        settings.resolved()

    assert caught.value.path == "breakers.payments.ignore[0]"


# --- files that are none, or too much of one


def laughs() -> str:
    lines = ["a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "\n".join(lines)


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("content", "name", "problem"),
    [
        pytest.param(laughs(), "a.yaml", "aliases make it larger", id="a billion laughs"),
        pytest.param("a: &a [*a]", "a.yaml", "within its own value", id="a list in itself"),
        pytest.param(b"#" * (10 * 1024 * 1024), "a.yaml", "larger than", id="ten megabytes"),
        pytest.param(b" " * (MOST_BYTES + 1), "a.json", "larger than", id="a byte too much"),
        pytest.param("[" * 100_000, "a.yaml", "nested too deeply", id="very deep"),
        pytest.param("[" * 100_000, "a.json", "nested too deeply", id="very deep JSON"),
        pytest.param("a: " + "[" * DEEPEST + "]" * DEEPEST, "a.yaml", "nested too deeply", id="one too deep"),
        pytest.param('{"a": ' + "[" * DEEPEST + "]" * DEEPEST + "}", "a.json", "nested too deeply", id="JSON, too"),
        pytest.param("breakers: {p: {window: 5, window: 6}}", "a.yaml", "occurs twice", id="a key twice"),
        pytest.param('{"breakers": {}, "breakers": {}}', "a.json", "occurs twice", id="a key twice in JSON"),
        pytest.param(b"\xff\xfe", "a.yaml", "cannot be read", id="no text"),
    ],
)
def test_a_file_that_is_too_large_or_contradicts_itself_is_refused_at_once(
    tmp_path: Path, content: str | bytes, name: str, problem: str
) -> None:
    with pytest.raises(InvalidSettings, match=problem):
        read_file(written(tmp_path, content, name))


def test_the_depth_of_a_configuration_is_allowed_and_some_more(tmp_path: Path) -> None:
    nested = "[" * (DEEPEST - 1) + "1" + "]" * (DEEPEST - 1)

    for name in ("a.yaml", "a.json"):
        assert list(read_file(written(tmp_path, f'{{"a": {nested}}}', name))) == ["a"]


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
@pytest.mark.parametrize("number", ["NaN", ".nan", "Infinity", "-.inf", "1e999"])
def test_a_number_that_is_none_is_no_setting(tmp_path: Path, name: str, number: str) -> None:
    file = written(tmp_path, f'{{"breakers": {{"payments": {{"recovery_time": {number}}}}}}}', name)

    with pytest.raises(InvalidSettings):
        parse_configuration(read_file(file), "")


@pytest.mark.timeout(10)
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "link to nothing", "link to itself"])
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "breakers.yaml"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "device":
        file.symlink_to("/dev/zero")
    else:
        file.symlink_to(file if kind == "link to itself" else tmp_path / "nothing")

    with pytest.raises(InvalidSettings) as caught:
        read_file(str(file))

    assert caught.value.path == str(file)


def test_reading_what_is_no_file_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(list(Path("/dev/fd").iterdir()))

    for _ in range(3):
        with pytest.raises(InvalidSettings):
            read_file(str(tmp_path))

    assert len(list(Path("/dev/fd").iterdir())) == before


# --- a typo


@pytest.mark.parametrize(
    "content",
    [
        {"breaker": {"payments": {}}},
        {"defaults": {"failure_treshold": 3}},
        {"breakers": {"payments": {"recovery_timeout": 3}}},
        {"targets": [{"function": "shop:charge", "breakr": "payments"}]},
    ],
)
def test_a_key_that_is_not_known_is_never_passed_over(tmp_path: Path, content: dict[str, object]) -> None:
    with pytest.raises(InvalidSettings, match=r"there is no such .*: did you mean "):
        parse_configuration(read_file(written(tmp_path, json.dumps(content), "a.json")), "")
