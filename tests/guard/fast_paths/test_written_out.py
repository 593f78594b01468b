"""Statements that fast paths repeat, because a function call would cost as much as the rest, are the same everywhere.

Each statement is here once, with the functions that contain it. test_costs.py and test_outcomes.py have what they do.
"""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from textwrap import dedent, indent
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import otel_breaker
from otel_breaker.core.closed import Closed
from otel_breaker.guard import block, fast_path, generator_fast_path, generators, wrappers

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(otel_breaker.__file__).parent
DEEPEST = 10


class Copy(NamedTuple):
    """A function that contains a statement, with other words for some names."""

    function: Callable[..., Any]
    names: tuple[tuple[str, str], ...] = ()


class Statement(NamedTuple):
    source: str
    copies: tuple[Copy, ...]
    sign: str
    """A regular expression that matches once in each copy, and nowhere else in the guards."""


STATEMENTS = {
    "a result of a complete type needs no follower": Statement(
        """
        kind = type(result)
        try:
            is_complete = kind in COMPLETE_TYPES or id(kind) in COMPLETE_TYPE_IDS
        except Exception:
            is_complete = False
        """,
        (
            Copy(fast_path._untimed),
            Copy(fast_path._timed),
            Copy(fast_path._traced),
            Copy(fast_path.add_coroutine_fast_path),
        ),
        r"in COMPLETE_TYPES or",
    ),
    "a success with the standing permit is only counted": Statement(
        """
        if fast_path.standing_permit is permit:
            count_success()
        else:
            circuit.record_success(permit)
        """,
        (
            Copy(fast_path._untimed),
            Copy(fast_path._traced),
            Copy(fast_path.add_coroutine_fast_path),
            Copy(generator_fast_path.add_generator_fast_path),
            Copy(generator_fast_path.add_async_generator_fast_path),
            Copy(block.Block.__exit__, (("fast_path.count_success", "count_success"),)),
        ),
        r"\.standing_permit is permit",
    ),
    "an exception is recorded without a Call where there is no span": Statement(
        """
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            _record_error(circuit, permit, error)
            raise
        """,
        (
            Copy(fast_path._untimed),
            Copy(fast_path._timed),
            Copy(fast_path.add_coroutine_fast_path, (("await function", "function"),)),
        ),
        r"result = (?:await )?function.*\n *except BaseException as error:\n *_record_error\(circuit, permit, error\)",
    ),
    "a timed call has a permit of its own, in flight": Statement(
        """
        permit = Permit()
        permit.generation, permit.failure_count, permit.started = period.generation, period.failure_count, now
        period.in_flight[permit] = True
        """,
        (
            Copy(fast_path._timed, (("failure_count, started", "failure_count, now"),)),
            Copy(Closed.admit_quietly, (("self.", "period."),)),
        ),
        r"= \(\w+\.generation, \w+\.failure_count, (?:started|now)\)",
    ),
    "a refusal is raised in the frame that the caller has called, and is held by no other": Statement(
        """
        try:
            raise refusal
        finally:
            del refusal
        """,
        (
            Copy(fast_path._untimed),
            Copy(fast_path.add_coroutine_fast_path),
            Copy(wrappers.wrap_function),
            Copy(wrappers.wrap_coroutine_function),
            Copy(generators.wrap_generator_function),
            Copy(generators.wrap_async_generator_function),
            Copy(generator_fast_path.add_generator_fast_path),
            Copy(generator_fast_path.add_async_generator_fast_path),
            Copy(block.Block.__enter__),
        ),
        "raise refusal",
    ),
    "each step of a generator is resumed and suspended, and keeps no item": Statement(
        """
        while True:
            items, value, thrown = [step(value)], None, None
            suspend()
            try:
                value = yield items.pop()
                step = generator.send
            except BaseException as error:
                step, value, thrown = generator.throw, error, error
            resume()
        """,
        (Copy(generators.wrap_generator_function), Copy(generator_fast_path.add_generator_fast_path)),
        r"\[step\(value\)\]",
    ),
    "each step of an async generator is resumed and suspended, and keeps no item": Statement(
        """
        while True:
            items, value, thrown = [await step(value)], None, None
            suspend()
            try:
                value = yield items.pop()
                step = generator.asend
            except GeneratorExit as error:
                thrown = error
                await generator.aclose()
                raise
            except BaseException as error:
                step, value, thrown = generator.athrow, error, error
            resume()
        """,
        (Copy(generators.wrap_async_generator_function), Copy(generator_fast_path.add_async_generator_fast_path)),
        r"\[await step\(value\)\]",
    ),
}


def normalised(source: str) -> str:
    """Source without comments, in the one layout that this Python gives it."""
    return ast.unparse(ast.parse(dedent(source)))


def occurrences(statement: str, source: str) -> int:
    lines = f"\n{source}\n"
    return sum(lines.count(f"\n{indent(normalised(statement), '    ' * depth)}\n") for depth in range(DEEPEST))


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_copy_is_the_same(name: str) -> None:
    statement = STATEMENTS[name]

    for copy in statement.copies:
        source = normalised(inspect.getsource(copy.function))
        for word, other in copy.names:
            source = source.replace(word, other)
        assert occurrences(statement.source, source) == 1, copy.function.__qualname__


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_other_function_has_a_copy(name: str) -> None:
    statement = STATEMENTS[name]
    in_guards = [normalised(path.read_text()) for path in (*PACKAGE.glob("guard/*.py"), PACKAGE / "core" / "closed.py")]

    assert sum(len(re.findall(statement.sign, source)) for source in in_guards) == len(statement.copies)
