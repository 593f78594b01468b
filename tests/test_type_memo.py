"""A memo of types drops an entry with its type, and runs no code of the type."""

from __future__ import annotations

import gc
import weakref

from otel_breaker.type_memo import TypeMemo


def test_a_value_that_was_added_for_a_type_is_found() -> None:
    memo: TypeMemo[str] = TypeMemo(10)

    memo.add(ValueError, "bad")

    assert (memo.by_id.get(id(ValueError)), memo.by_id.get(id(KeyError))) == ("bad", None)


def test_a_type_is_not_kept_alive_and_its_entry_goes_with_it() -> None:
    memo: TypeMemo[str] = TypeMemo(10)
    passing = type("Passing", (Exception,), {})
    living = weakref.ref(passing)
    memo.add(passing, "bad")

    del passing
    gc.collect()

    assert (living(), memo.by_id) == (None, {})


def test_a_memo_holds_at_most_its_limit_of_types() -> None:
    memo: TypeMemo[int] = TypeMemo(2)

    for number, kind in enumerate((ValueError, KeyError, OSError)):
        memo.add(kind, number)

    assert list(memo.by_id.values()) == [0, 1]


def test_a_memo_goes_without_the_collector() -> None:
    gc.disable()
    try:
        memo: TypeMemo[int] = TypeMemo(10)
        memo.add(ValueError, 1)
        living = weakref.ref(memo)
        del memo

        assert living() is None
    finally:
        gc.enable()
