"""Rules of the house that no other tool knows: glossary words, and one class for one name.

`python -m tests.house_rules` lists every breach and exits 1 when there is one; `make check` runs it. The words come
from the glossary in CONTRIBUTING.md, so that the document and the check cannot differ.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGES: Final = ("otel_breaker", "instrumentation")
PROSE: Final = (*PACKAGES, "tests", "examples", "docs", "collector-config")
_ROW: Final = re.compile(r"^\| (?P<term>[^|]+) \| (?P<meaning>[^|]+) \| (?P<never>[^|]*) \|$", re.MULTILINE)
_QUOTED: Final = re.compile(r"`([^`]+)`")
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


class Breach(NamedTuple):
    """A place that breaks a rule."""

    path: Path
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.problem}"


def glossary(text: str) -> dict[str, str]:
    """Each word that is not used, and the term to use instead."""
    _, _, section = text.partition("\n## Glossary\n")
    section, _, _ = section.partition("\n## ")
    return {
        word: row["term"].strip() for row in _ROW.finditer(section) for word in _QUOTED.findall(row["never"].lower())
    }


def class_names_used_twice(paths: Iterable[Path]) -> Iterator[Breach]:
    """Public classes whose name another public class of the packages has."""
    places: dict[str, list[tuple[Path, int]]] = defaultdict(list)
    for path in paths:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append((path, node.lineno))
    for name, found in places.items():
        first, *others = found
        for path, line in others:
            yield Breach(path, line, f"class {name}: {first[0].name} has a class of that name")


def words_outside_the_glossary(path: Path, never: dict[str, str]) -> Iterator[Breach]:
    """Prose and names that use a word which the glossary replaces."""
    source = path.read_text(encoding="utf-8")
    for line, text in _texts_of_document(source) if path.suffix == ".md" else _texts_of_module(source):
        words = [word.lower() for word in _WORD.findall(text)]
        phrases = " ".join(words)
        for word, term in never.items():
            if word in words if " " not in word else f" {word} " in f" {phrases} ":
                yield Breach(path, line, f"{word!r}: the glossary says {term}")


def _texts_of_document(source: str) -> Iterator[tuple[int, str]]:
    """The prose of a document: no code, and not the glossary itself, which quotes the words."""
    is_prose = True
    for line, text in enumerate(source.split("\n"), 1):
        if text.lstrip().startswith("```"):
            is_prose = not is_prose
        elif is_prose:
            row = _ROW.match(text)
            yield line, _QUOTED.sub("", text if row is None else row["term"] + row["meaning"])


def _texts_of_module(source: str) -> Iterator[tuple[int, str]]:
    """The names, comments and docstrings of a module; other text is for users or for telemetry."""
    docstrings = {line for node in ast.walk(ast.parse(source)) for line in _docstring_lines(node)}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.NAME, tokenize.COMMENT) or (
            token.type == tokenize.STRING and token.start[0] in docstrings
        ):
            for offset, text in enumerate(token.string.split("\n")):
                yield token.start[0] + offset, text


def _docstring_lines(node: ast.AST) -> Iterator[int]:
    body = getattr(node, "body", None)
    for statement in body if isinstance(body, list) else ():
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            yield statement.lineno


def main() -> int:
    """Check the tree; returns the exit status."""
    never = glossary((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    breaches = list(class_names_used_twice(_modules(PACKAGES)))
    for path in (*_modules(PROSE), *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        breaches += words_outside_the_glossary(path, never)
    for breach in breaches:
        sys.stderr.write(f"{breach}\n")
    return 1 if breaches or not never else 0


def _modules(folders: Iterable[str]) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


if __name__ == "__main__":
    sys.exit(main())
