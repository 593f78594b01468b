"""A lock is released wherever an interrupt comes, and no code acquires a lock in another way."""

from __future__ import annotations

import ast
import threading
from pathlib import Path
from typing import Any, Literal

import pytest

import otel_breaker
import otel_breaker_instrumentation
from otel_breaker.locks import locked
from tests.conformance.conftest import elsewhere

When = Literal["never", "before", "after"]


class Interrupted(type(threading.RLock())):  # type: ignore[misc]  # a function in typeshed
    """A lock with one interrupt: before or after it is acquired."""

    when: When = "never"

    def _take(self) -> Any:
        when, self.when = self.when, "never"
        if when == "before":
            raise KeyboardInterrupt
        taken = super().acquire()
        if when == "after":
            raise KeyboardInterrupt
        return taken

    def acquire(self, *_: Any, **__: Any) -> Any:
        return self._take()

    __enter__ = acquire  # as `with` sees it since Python 3.14


def is_free(lock: Any) -> bool:
    def try_it() -> bool:
        taken: bool = super(Interrupted, lock).acquire(blocking=False)
        if taken:
            lock.release()
        return taken

    return elsewhere(try_it)


class Counter:
    def __init__(self) -> None:
        self._lock: Any = Interrupted()
        self.count = 0

    @locked
    def add(self, number: int) -> int:
        assert self._lock._is_owned()
        self.count += number
        return self.count

    @locked
    def add_twice(self, number: int) -> int:
        self.add(number)
        return self.add(number)

    @locked
    def fail(self) -> None:
        raise ValueError("no")

    @locked
    def be_interrupted_at_the_next(self, when: When) -> None:
        self._lock.when = when
        self.add(1)


def test_a_method_runs_under_the_lock_and_returns_what_it_returns() -> None:
    counter = Counter()

    assert counter.add(2) == 2
    assert is_free(counter._lock)


def test_a_method_may_call_another_under_the_same_lock() -> None:
    counter = Counter()

    assert counter.add_twice(2) == 4
    assert is_free(counter._lock)


def test_what_a_method_raises_is_raised_and_the_lock_is_free() -> None:
    counter = Counter()

    with pytest.raises(ValueError, match="no"):
        counter.fail()

    assert is_free(counter._lock)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupt_before_or_after_the_lock_is_acquired_is_raised_and_the_lock_is_free(when: When) -> None:
    counter = Counter()
    counter._lock.when = when

    with pytest.raises(KeyboardInterrupt):
        counter.add(1)

    assert counter.count == 0
    assert is_free(counter._lock)
    assert counter.add(1) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupt_of_a_method_within_another_leaves_the_lock_as_it_was(when: When) -> None:
    counter = Counter()

    counter.be_interrupted_at_the_next(when)

    assert counter.count == 1
    assert is_free(counter._lock)


def test_a_lock_that_is_replaced_while_it_is_held_is_released() -> None:
    class Renewed(Counter):
        @locked
        def renew(self) -> None:
            self._lock = Interrupted()

    counter = Renewed()
    before = counter._lock

    counter.renew()

    assert is_free(before)
    assert is_free(counter._lock)


def locks_taken_by_with(source: Path) -> list[str]:
    """The lines of a source with a `with` statement of a name that contains `lock`."""
    return [
        f"{source.parent.name}/{source.name}, line {item.context_expr.lineno}"
        for statement in ast.walk(ast.parse(source.read_text()))
        if isinstance(statement, ast.With | ast.AsyncWith)
        for item in statement.items
        for node in ast.walk(item.context_expr)
        if "lock" in str(getattr(node, "attr", getattr(node, "id", ""))).lower().split("_")
    ]


def test_no_lock_is_acquired_by_a_with_statement_which_an_interrupt_could_leave_locked() -> None:
    taken = [
        place
        for package in (otel_breaker, otel_breaker_instrumentation)
        for folder in package.__path__
        for source in Path(folder).rglob("*.py")
        for place in locks_taken_by_with(source)
    ]

    assert taken == []
