"""Living objects are listed, and not kept alive."""

from __future__ import annotations

import gc
import weakref

from otel_breaker.living import LivingObjects


class Thing:
    pass


class Equal:
    """Equal to everything, and without a hash."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


def test_objects_are_listed_in_the_order_in_which_they_were_added() -> None:
    things = [Thing(), Thing(), Thing()]
    living = LivingObjects[Thing]()

    for thing in things:
        living.add(thing)

    assert living.all() == things


def test_an_object_is_not_kept_alive() -> None:
    living, kept, dropped = LivingObjects[Thing](), Thing(), Thing()
    living.add(dropped)
    living.add(kept)

    del dropped
    gc.collect()

    assert living.all() == [kept]


def test_an_object_that_is_gone_leaves_no_memory_in_use() -> None:
    living, thing = LivingObjects[Thing](), Thing()
    living.add(thing)
    reference = weakref.ref(thing)

    del thing
    gc.collect()

    assert reference() is None
    assert not living._references


def test_objects_are_distinguished_by_identity() -> None:
    living, first, second = LivingObjects[Equal](), Equal(), Equal()

    living.add(first)
    living.add(second)

    assert [id(each) for each in living.all()] == [id(first), id(second)]
