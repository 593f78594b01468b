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
from otel_breaker import guarded_calls
from otel_breaker.core.closed import Closed
from otel_breaker.guard import block, fast_path, generator_fast_path, generators, timed_path, wrappers
from otel_breaker.guarded_calls import GuardedCalls
from otel_breaker.telemetry.traces.span import LiveSpan
from otel_breaker.telemetry.traces.tracing import ActiveFlag

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
    """A regular expression that matches once in each copy, and nowhere else in guards and spans."""


def normalised(source: str) -> str:
    """Source without comments, in the one layout that this Python gives it."""
    return ast.unparse(ast.parse(dedent(source)))


_EITHER = "function(*args, **kwargs) if kwargs else function(*args)"
_UNTRACED = (("breaker._circuit, _UNTRACED, permit, None", "circuit, tracer, permit, span"),)

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
            Copy(timed_path.add_timed_path),
            Copy(timed_path.add_limited_path),
            Copy(fast_path._traced),
            Copy(fast_path.add_coroutine_fast_path),
            Copy(GuardedCalls.call),
            Copy(guarded_calls._awaited),
        ),
        r"in COMPLETE_TYPES or",
    ),
    "a success with the standing permit is only counted": Statement(
        """
        if fast_path.standing_permit is permit:
            next(successes)
        else:
            circuit.record_success(permit)
        """,
        (
            Copy(fast_path._untimed),
            Copy(fast_path._traced),
            Copy(fast_path.add_coroutine_fast_path),
            Copy(generator_fast_path.add_generator_fast_path),
            Copy(generator_fast_path.add_async_generator_fast_path),
            Copy(block.Block.__exit__, (("fast_path.successes", "successes"),)),
        ),
        r"if (?:\w+\.)*standing_permit is permit",
    ),
    "a complete result with the standing permit is only counted": Statement(
        """
        if is_complete and fast_path.standing_permit is permit:
            next(fast_path.successes)
            return result
        """,
        (Copy(GuardedCalls.call), Copy(guarded_calls._awaited)),
        r"is_complete and fast_path\.standing_permit is permit",
    ),
    "an exception is recorded and reaches the caller": Statement(
        """
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            end_with_error(circuit, tracer, permit, span, error)
            raise
        """,
        (
            Copy(fast_path._untimed, (("None, error)", "span, error)"),)),
            Copy(timed_path.add_timed_path, (("None, error)", "span, error)"),)),
            Copy(timed_path.add_limited_path, (("None, error)", "span, error)"),)),
            Copy(fast_path._traced),
            Copy(fast_path.add_coroutine_fast_path, (("await function", "function"),)),
            Copy(GuardedCalls.call, ((_EITHER, "function(*args, **kwargs)"), ("self.", "breaker."), *_UNTRACED)),
            Copy(guarded_calls._awaited, ((f"await ({_EITHER})", "function(*args, **kwargs)"), *_UNTRACED)),
        ),
        r"result = (?:await \(?)?function.*\n *except BaseException as error:\n *end_with_error\(",
    ),
    "only the call's own span is replaced": Statement(
        """
        current = get_current()
        if current is self._within or get_current_span(current) is span:
            attach(self._before)
        """,
        (Copy(LiveSpan.detach, (("self._span", "span"),)), Copy(LiveSpan.succeed)),
        r"current is self\._within",
    ),
    "the thread that ends a span is known meanwhile": Statement(
        """
        try:
            tracing.busy_thread = get_ident()
            span.end()
        finally:
            tracing.busy_thread = 0
        """,
        (Copy(LiveSpan._end, (("self._span", "span"),)), Copy(LiveSpan.succeed)),
        r"span\.end\(\)",
    ),
    "a timed call has a permit of its own, in flight": Statement(
        """
        permit = Permit()
        permit.generation, permit.failure_count, permit.started = period.generation, period.failure_count, now
        period.in_flight[permit] = True
        """,
        (
            Copy(timed_path.add_timed_path, (("failure_count, started", "failure_count, now"),)),
            Copy(
                timed_path.add_limited_path,
                (
                    (normalised("permit, in_frames = Permit(), limit.in_frames"), "permit = Permit()"),
                    ("failure_count, started", "failure_count, now"),
                ),
            ),
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
            Copy(guarded_calls._awaited),
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
    others = (PACKAGE / "core" / "closed.py", PACKAGE / "guarded_calls.py")
    files = (*PACKAGE.glob("guard/*.py"), *PACKAGE.glob("telemetry/traces/*.py"), *others)
    sources = [normalised(path.read_text()) for path in files]

    assert sum(len(re.findall(statement.sign, source)) for source in sources) == len(statement.copies)


@pytest.mark.parametrize("function", [GuardedCalls.call, guarded_calls._awaited])
def test_call_reads_the_flag_of_tracers_itself(function: Callable[..., Any]) -> None:
    flag = ast.parse(dedent(inspect.getsource(ActiveFlag.is_active))).body[0]
    assert isinstance(flag, ast.FunctionDef)
    returned = flag.body[-1]
    assert isinstance(returned, ast.Return)

    expression = ast.unparse(returned)
    expression = expression.removeprefix("return ").replace("self.tracing", "TRACING")

    assert normalised(inspect.getsource(function)).count(expression) == 1
