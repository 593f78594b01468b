"""The house rules find a breach, and the tree has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import house_rules

if TYPE_CHECKING:
    from pathlib import Path

GLOSSARY = "\n## Glossary\n\n| term | meaning | not |\n|---|---|---|\n| trip | open by a rule | `fire` `blow up` |\n"


def breaches(path: Path, text: str) -> list[int]:
    path.write_text(text)
    return [breach.line for breach in house_rules.words_outside_the_glossary(path, house_rules.glossary(GLOSSARY))]


@pytest.mark.parametrize(
    "source",
    [
        "def fire(): ...",
        "class FireAlarm: ...",
        "alarm_fire = 1",
        "# the rules fire",
        '"""They\n\nfire."""',
        "def blow_up(): ...",
    ],
)
def test_a_word_that_the_glossary_replaces_is_found_in_names_and_prose(tmp_path: Path, source: str) -> None:
    assert breaches(tmp_path / "module.py", source) != []


@pytest.mark.parametrize("source", ['text = "fire"', "def fireproof(): ...", "def trip(): ..."])
def test_text_for_users_and_other_words_are_no_breach(tmp_path: Path, source: str) -> None:
    assert breaches(tmp_path / "module.py", source) == []


def test_a_document_is_checked_without_its_code(tmp_path: Path) -> None:
    document = "The rules fire.\n\n```python\nfire()\n```\n\nOne calls `fire`.\n"

    assert breaches(tmp_path / "page.md", document) == [1]


def test_a_class_name_that_occurs_twice_is_found(tmp_path: Path) -> None:
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text("class Trip: ...\nclass _Own: ...\n")

    [breach] = house_rules.class_names_used_twice([tmp_path / "one.py", tmp_path / "two.py"])

    assert (breach.path.name, breach.line) == ("two.py", 1)


def test_the_projects_own_glossary_is_read() -> None:
    never = house_rules.glossary((house_rules.ROOT / "CONTRIBUTING.md").read_text())

    assert never["ledger"] == "metric registry, name group, aggregate"
