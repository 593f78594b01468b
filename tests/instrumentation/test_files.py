from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from otel_breaker import InvalidSettings
from otel_breaker_instrumentation.files import MOST_BYTES
from tests.instrumentation.configuration_files import read_file

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
def test_an_empty_file_is_an_empty_mapping(tmp_path: Path, content: str, name: str) -> None:
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
def test_a_pipe_without_a_writer_is_refused_without_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "breakers.yaml"
    os.mkfifo(pipe)

    assert error_of(pipe).problem == "it is not a regular file"


def test_a_name_that_the_system_refuses_is_refused(tmp_path: Path) -> None:
    assert error_of(tmp_path / ("x" * 300)).problem == "it cannot be read"


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
def test_a_file_that_contains_no_mapping_is_refused(tmp_path: Path, content: str, name: str) -> None:
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
def test_a_key_that_occurs_twice_is_refused(tmp_path: Path, content: str, name: str) -> None:
    assert "occurs twice" in error_of(written(tmp_path, content, name)).remedy


@pytest.mark.timeout(3)
def test_a_key_that_occurs_twice_among_very_many_is_found_at_once(tmp_path: Path) -> None:
    pairs = ",".join(f'"{key}":1' for key in [*range(25_000), 24_999])
    file = written(tmp_path, f"{{{pairs}}}", "a.json")

    assert "'24999' occurs twice" in error_of(file).remedy


def test_the_same_key_in_two_mappings_is_no_repetition(tmp_path: Path) -> None:
    file = written(tmp_path, "breakers: {payments: {window: 5}, search: {window: 5}}")

    assert read_file(str(file)) == {"breakers": {"payments": {"window": 5}, "search": {"window": 5}}}


def test_an_alias_has_the_value_of_its_anchor(tmp_path: Path) -> None:
    file = written(tmp_path, "breakers: {payments: &quick {window: 5}, search: *quick}")

    assert read_file(str(file)) == {"breakers": {"payments": {"window": 5}, "search": {"window": 5}}}


MERGED = """
base: &base {window: 5, max_keys: 7}
breakers:
  payments: &payments {<<: *base, window: 6}
  search: {<<: *payments, max_keys: 8}
  mail: {<<: [{window: 1}, *base]}
"""


def test_a_merge_key_adds_keys_that_the_mapping_does_not_have(tmp_path: Path) -> None:
    content = read_file(str(written(tmp_path, MERGED)))

    assert content["breakers"] == {
        "payments": {"window": 6, "max_keys": 7},
        "search": {"window": 6, "max_keys": 8},
        "mail": {"window": 1, "max_keys": 7},
    }


def test_a_key_that_occurs_twice_beside_a_merge_key_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, "a: &a {window: 5}\nb: {<<: *a, window: 6, window: 7}")

    assert error_of(file).remedy == "line 2, column 24: the key 'window' occurs twice"


def chained(count: int) -> str:
    """A small text of merge keys, each mapping one key larger than the one before."""
    return "m0: &m0 {k0: 1}\n" + "".join(f"m{n}: &m{n} {{<<: *m{n - 1}, k{n}: 1}}\n" for n in range(1, count))


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            "a: &a [" + "xxxxxxxx," * 9 + "]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(11_000)),
            id="wide",
        ),
        pytest.param(f'a: &a "{"x" * 100_000}"\nb: [{"*a, " * 30_000}]', id="long text"),
        pytest.param(chained(6_000), id="a chain of merge keys"),
    ],
)
def test_what_aliases_make_of_a_small_file_is_bounded(tmp_path: Path, content: str) -> None:
    error = error_of(written(tmp_path, content))

    assert error.remedy.endswith("aliases make it larger than 1048576 characters; write out what differs")
    assert error.remedy.startswith("line ")


@pytest.mark.parametrize("content", ["a: &a [*a]", "a: &a {b: {<<: *a}}", "&a *a : 1", "a: {<<: 5}", "a: {<<: [5]}"])
def test_an_alias_within_its_own_value_or_a_merge_with_no_mapping_is_refused(tmp_path: Path, content: str) -> None:
    assert error_of(written(tmp_path, content)).problem == "it cannot be understood"


def test_a_file_of_the_greatest_size_without_an_alias_is_never_too_large(tmp_path: Path) -> None:
    file = written(tmp_path, "a: {" + "".join(f"{n:x}," for n in range(45_000)) + "}")

    assert len(read_file(str(file))["a"]) == 45_000  # type: ignore[arg-type]


SECRETS = [
    "API_KEY=hunter2\nTOKEN: [hunter2",
    "TOKEN: 'hunter2",
    "TOKEN: hunter2: hunter2",
    "TOKEN: *hunter2",
    "TOKEN: !hunter2 x",
    "TOKEN: !!int hunter2",
    "{hunter2: 1\nhunter2",
    "\thunter2: @hunter2",
    "hunter2=a: 1\nhunter2=a: 1",
    "TOKEN: hunter2\x01",
]


@pytest.mark.parametrize("content", SECRETS)
def test_an_error_names_the_position_and_quotes_nothing(tmp_path: Path, content: str) -> None:
    for name in ("a.yaml", "a.json"):
        error = error_of(written(tmp_path, content, name))

        assert "hunter2" not in str(error)
        assert "line " in error.remedy or "position " in error.remedy


def test_an_error_names_line_column_and_problem(tmp_path: Path) -> None:
    error = error_of(written(tmp_path, "breakers:\n  payments: {window: 5"))

    assert error.remedy == "line 2, column 23: expected ',' or '}', but got '<stream end>'"


@pytest.mark.parametrize("name", ["a.yaml", "a.json"])
def test_a_number_of_more_digits_than_python_reads_is_refused(tmp_path: Path, name: str) -> None:
    assert error_of(written(tmp_path, f'{{"breakers": {"9" * 5_000}}}', name)).problem == "it cannot be understood"


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
