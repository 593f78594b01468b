"""Which functions of a library are guarded, and how the outcomes of its tests are read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.suites import guard
from tests.suites.__main__ import known_reason
from tests.suites.runs import Run, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGE = {
    "__init__.py": """
from shelf.books import Book, lend
Book.__module__ = lend.__module__ = "shelf"
""",
    "books.py": """
from contextlib import contextmanager
from os.path import join

def lend(): ...

@contextmanager
def opened():
    yield

class Book:
    class Page:
        def turn(self): ...
    def read(self): ...
    @staticmethod
    def of(): ...
    @classmethod
    def all(cls): ...
    @property
    def title(self): ...

Tome = Book
limit = 3
""",
    "absent.py": "import no_such_module",
    "__main__.py": "raise SystemExit",
    "tests.py": "def test_it(): ...",
}


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    (tmp_path / "shelf").mkdir()
    for name, text in PACKAGE.items():
        (tmp_path / "shelf" / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield "shelf"
    for name in [name for name in sys.modules if name.partition(".")[0] == "shelf"]:
        del sys.modules[name]


def test_every_function_is_listed_once_where_it_is_defined_and_nothing_else(shelf: str) -> None:
    assert guard.functions_by_module(shelf, ["shelf.tests"]) == {
        "shelf": [],
        "shelf.books": ["lend", "opened", "Book.Page.turn", "Book.read", "Book.of", "Book.all"],
    }


def test_targets_are_functions_in_full_or_two_patterns_for_each_module() -> None:
    listing = {"shelf.books": ["lend", "Book.read"]}

    assert guard.targets("names", listing) == [{"function": "shelf.books:lend"}, {"function": "shelf.books:Book.read"}]
    assert guard.targets("wildcards", listing) == [{"function": "shelf.books:*"}, {"function": "shelf.books:*.*"}]


def test_a_test_has_passed_when_no_part_of_it_has_failed(tmp_path: Path) -> None:
    outcomes, run = tmp_path / "outcomes", Run(tmp_path / "log")
    outcomes.write_text(
        """{"test": "well", "outcome": "passed", "text": ""}
{"test": "torn down badly", "outcome": "passed", "text": ""}
{"test": "torn down badly", "outcome": "failed", "text": "no"}
{"test": "left out", "outcome": "skipped", "text": ""}
{"targets": {"guarded": 4}}
"""
    )

    read(outcomes, run)

    assert (run.passed, run.failed, run.targets) == ({"well"}, {"torn down badly": "no"}, {"guarded": 4})


def test_a_known_failure_covers_all_tests_that_begin_with_its_name() -> None:
    known = {"test_app.py::test_keys": "frames"}

    assert known_reason(known, "test_app.py::test_keys[3]") == "frames"
    assert known_reason(known, "test_app.py::test_values") is None
