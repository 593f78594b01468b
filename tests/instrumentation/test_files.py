from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from otel_breaker import InvalidSettings
from otel_breaker_instrumentation.files import MOST_BYTES, read_file

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, content: str | bytes, name: str = "breakers.yaml") -> Path:
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file


def error_of(file: Path) -> InvalidSettings:
    """The one error that reading a file ends in; it names the file."""
    with pytest.raises(InvalidSettings) as caught:
        read_file(str(file))
    assert caught.value.path == str(file)
    return caught.value


def test_a_yaml_file_is_read_into_mappings_lists_and_values(tmp_path: Path) -> None:
    file = written(tmp_path, "breakers:\n  payments: {failure_threshold: 3}\ntargets: [{function: 'shop:charge'}]\n")

    content = read_file(str(file))

    assert content == {
        "breakers": {"payments": {"failure_threshold": 3}},
        "targets": [{"function": "shop:charge"}],
    }


def test_a_json_file_is_read_into_mappings_lists_and_values(tmp_path: Path) -> None:
    file = written(tmp_path, '{"breakers": {"payments": {"failure_threshold": 3}}, "targets": []}', "breakers.json")

    content = read_file(str(file))

    assert content == {"breakers": {"payments": {"failure_threshold": 3}}, "targets": []}


def test_the_text_is_read_as_utf_8(tmp_path: Path) -> None:
    content = read_file(str(written(tmp_path, "breakers: {Zahlungsübersicht: {}}")))

    assert content == {"breakers": {"Zahlungsübersicht": {}}}


@pytest.mark.parametrize(("content", "name"), [("", "a.yaml"), ("# nothing yet", "a.yaml"), ("null", "a.json")])
def test_a_file_that_says_nothing_is_an_empty_mapping(tmp_path: Path, content: str, name: str) -> None:
    assert read_file(str(written(tmp_path, content, name))) == {}


def test_a_file_of_exactly_the_greatest_size_is_read(tmp_path: Path) -> None:
    file = written(tmp_path, "breakers: {}\n#".ljust(MOST_BYTES, "x"))

    assert read_file(str(file)) == {"breakers": {}}


def test_a_file_one_byte_above_the_greatest_size_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "breakers: {}\n#".ljust(MOST_BYTES + 1, "x"))

    assert "larger than" in error_of(file).problem


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert error_of(tmp_path / "breakers.yaml").problem == "there is no such file"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert error_of(tmp_path).problem == "it is not a regular file"


@pytest.mark.timeout(10)
def test_a_pipe_that_nobody_writes_to_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "breakers.yaml"
    os.mkfifo(pipe)

    assert error_of(pipe).problem == "it is not a regular file"


def test_a_name_that_the_system_refuses_is_refused(tmp_path: Path) -> None:
    assert error_of(tmp_path / ("x" * 5_000)).problem == "it cannot be read"


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    assert error_of(written(tmp_path, b"breakers: {\xff: {}}")).problem == "it cannot be read"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("breakers: {", "a.yaml"),
        ("a: 1\n---\nb: 2", "a.yaml"),
        ("a: \x01", "a.yaml"),
        ("{", "a.json"),
        ("{'a': 1}", "a.json"),
        ("\ufeff{}", "a.json"),
    ],
)
def test_text_that_is_not_in_the_format_is_refused(tmp_path: Path, content: str, name: str) -> None:
    assert error_of(written(tmp_path, content, name)).problem == "it cannot be understood"


@pytest.mark.parametrize(
    ("content", "name"), [("- 1", "a.yaml"), ("shop", "a.yaml"), ("[1]", "a.json"), ("0", "a.json")]
)
def test_a_file_that_holds_no_mapping_is_refused(tmp_path: Path, content: str, name: str) -> None:
    assert "a mapping" in error_of(written(tmp_path, content, name)).remedy


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("breakers: {}\ntargets: []\nbreakers: {}", "a.yaml"),
        ("breakers: {payments: {window: 5, window: 6}}", "a.yaml"),
        ("breakers: [{payments: {}}, {payments: {}, payments: {}}]", "a.yaml"),
        ('{"breakers": {}, "breakers": {}}', "a.json"),
        ('{"breakers": {"payments": {"window": 5, "window": 6}}}', "a.json"),
    ],
)
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, content: str, name: str) -> None:
    assert "stands twice" in error_of(written(tmp_path, content, name)).remedy


@pytest.mark.timeout(3)
def test_a_key_that_stands_twice_among_very_many_is_found_at_once(tmp_path: Path) -> None:
    pairs = ",".join(f'"{key}":1' for key in [*range(25_000), 24_999])
    file = written(tmp_path, f"{{{pairs}}}", "a.json")

    assert "'24999' stands twice" in error_of(file).remedy


def test_the_same_key_in_two_mappings_is_no_repetition(tmp_path: Path) -> None:
    file = written(tmp_path, "breakers: {payments: {window: 5}, search: {window: 5}}")

    assert read_file(str(file)) == {"breakers": {"payments": {"window": 5}, "search": {"window": 5}}}


def test_an_alias_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "breakers: {payments: &quick {window: 5}, search: *quick}")

    assert "aliases are not allowed" in error_of(file).remedy


def test_a_merge_key_is_refused(tmp_path: Path) -> None:
    assert "merge" in error_of(written(tmp_path, "breakers: {payments: {<<: {window: 5}}}")).remedy


@pytest.mark.parametrize("tag", ["python/object/apply:os.mkdir", "python/object/new:os.mkdir", "python/name:os.mkdir"])
def test_a_python_tag_is_refused_and_runs_nothing(tmp_path: Path, tag: str) -> None:
    made = tmp_path / "made"

    error = error_of(written(tmp_path, f'breakers: !!{tag} ["{made}"]'))

    assert "could not determine a constructor" in error.remedy
    assert not made.exists()


@pytest.mark.parametrize(
    "value",
    [
        '!!int ""',
        '!!float ""',
        "!!bool perhaps",
        "!!timestamp yesterday",
        "2024-99-99",
        "!!map text",
        "!!map [1, 2]",
        "? [a]",
        pytest.param("1" + ":00" * 200 + ".5", id="a time too long for a number"),
    ],
)
def test_a_value_that_its_type_does_not_allow_is_refused(tmp_path: Path, value: str) -> None:
    assert error_of(written(tmp_path, f"window: {value}")).problem == "it cannot be understood"


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_a_file_that_is_nested_too_deeply_is_refused(tmp_path: Path, name: str) -> None:
    assert error_of(written(tmp_path, "[" * 100_000, name)).problem == "it is nested too deeply"


def test_without_a_yaml_reader_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)

    assert "otel-breaker[auto]" in error_of(written(tmp_path, "breakers: {}")).remedy


def test_a_json_file_needs_no_yaml_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)

    assert read_file(str(written(tmp_path, '{"breakers": {}}', "a.json"))) == {"breakers": {}}
