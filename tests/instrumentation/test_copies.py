"""Guards of callables that are no Python functions copy, pickle and are referenced weakly as what they wrap."""

from __future__ import annotations

import copy
import pickle
import weakref
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from tests.instrumentation.applications import calls, evaluate

if TYPE_CHECKING:
    from types import ModuleType

    from tests.instrumentation.applications import Application

SHOP = """
    import functools

    @functools.lru_cache
    def cached(x): return x

    @functools.singledispatch
    def single(x): return x

    def plain(x): return x

    class Sender:
        def __init__(self): self.sent = [1]
        def __call__(self, x): return x

    sender = Sender()

    class Client:
        @functools.lru_cache
        def cached(self, x): return x
        def send(self, x): return x
        @classmethod
        @functools.lru_cache
        def make(cls, x): return x

    client = Client()
"""
NAMES = ("cached", "single", "plain", "sender", "Client.cached", "Client.send", "Client.make")
WAYS = [copy.copy, copy.deepcopy]


@pytest.fixture
def shop(application: Application) -> ModuleType:
    return application.load(SHOP, *NAMES)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["cached", "single", "plain", "Client.cached", "Client.send"])
def test_functions_copy_as_themselves(shop: ModuleType, way: Any, name: str) -> None:
    function = evaluate(name, shop)

    assert way({"do": function})["do"] is function


@pytest.mark.parametrize("way", WAYS)
def test_an_object_copies_as_a_new_one_that_is_guarded_as_it_is(shop: ModuleType, way: Any) -> None:
    copied = way(shop.sender)

    assert copied is not shop.sender
    assert (copied.sent is shop.sender.sent) is (way is copy.copy)
    assert copied(3) == 3
    assert calls(shop, "sender") == {"success": 1}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["client.cached", "client.send", "Client.make"])
def test_a_method_copies_with_its_object_and_stays_guarded(shop: ModuleType, way: Any, name: str) -> None:
    method = evaluate(name, shop)

    copied = way(method)

    assert (copied.__self__ is method.__self__) is (way is copy.copy or name == "Client.make")
    assert copied(3) == 3
    assert calls(shop, name.replace("client", "Client")) == {"success": 1}


@pytest.mark.parametrize("name", ["client.cached", "client.send", "Client.make"])
def test_a_method_is_held_weakly_and_stays_guarded(shop: ModuleType, name: str) -> None:
    held = weakref.WeakMethod(evaluate(name, shop))

    assert held()(3) == 3  # type: ignore[misc]  # it is there
    assert calls(shop, name.replace("client", "Client")) == {"success": 1}


def test_a_method_that_is_held_weakly_goes_with_its_object(shop: ModuleType) -> None:
    held = weakref.WeakMethod(shop.Client().send)

    assert held() is None


@pytest.mark.parametrize("name", ["cached", "plain", "sender", "client.cached", "client.send", "Client.make"])
def test_what_is_held_by_its_name_pickles(shop: ModuleType, name: str) -> None:
    thing = evaluate(name, shop)

    assert pickle.loads(pickle.dumps(thing))(3) == 3


def test_a_function_of_c_copies_as_itself(application: Application) -> None:
    application.guard("zlib:crc32")

    assert copy.deepcopy({"do": zlib.crc32})["do"] is zlib.crc32
    assert copy.copy(zlib.crc32) is zlib.crc32


def test_an_object_that_cannot_be_copied_raises_its_own_error(application: Application) -> None:
    shop = application.load(
        "import wrapt\ntraced = wrapt.FunctionWrapper(lambda x: x, lambda w, i, a, k: w(*a, **k))", "traced"
    )

    with pytest.raises(NotImplementedError) as right:
        copy.deepcopy(shop.traced.__wrapped__)
    with pytest.raises(NotImplementedError) as seen:
        copy.deepcopy(shop.traced)

    assert str(seen.value) == str(right.value)
