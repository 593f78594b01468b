"""The outcome of a coroutine or a generator is that of its end, not of its creation, for functions and methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.instrumentation.applications import calls, evaluate

if TYPE_CHECKING:
    from tests.instrumentation.applications import Application

FAILING = """
    import asyncio
    from functools import partial

    import wrapt

    def foreign(function):
        return wrapt.FunctionWrapper(function, lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs))

    async def all_(items):
        return [item async for item in items]

    def fail():
        raise OSError

    async def fail_later():
        raise OSError

    def fail_midway():
        yield 1
        raise OSError

    async def fail_midway_later():
        yield 1
        raise OSError

    class Client:
        async def fail_later(self):
            raise OSError

        def fail_midway(self):
            yield 1
            raise OSError

        async def fail_midway_later(self):
            yield 1
            raise OSError

        @classmethod
        async def make_later(cls):
            raise OSError

        @classmethod
        def make_midway(cls):
            yield 1
            raise OSError

        @staticmethod
        def price_midway():
            yield 1
            raise OSError

    class Foreign:
        make_later = foreign(vars(Client)["make_later"])
        make_midway = foreign(vars(Client)["make_midway"])
        price_midway = foreign(vars(Client)["price_midway"])

    foreign_later, foreign_midway = foreign(fail_later), foreign(fail_midway)
    partial_later, partial_midway = partial(fail_later), partial(fail_midway)
    bound_later, bound_midway, bound_midway_later = (
        Client().fail_later, Client().fail_midway, Client().fail_midway_later
    )
"""


@pytest.mark.parametrize(
    ("named", "expression"),
    [
        ("fail", "fail()"),
        ("fail_later", "asyncio.run(fail_later())"),
        ("fail_midway", "list(fail_midway())"),
        ("fail_midway_later", "asyncio.run(all_(fail_midway_later()))"),
        ("foreign_later", "asyncio.run(foreign_later())"),
        ("foreign_midway", "list(foreign_midway())"),
        ("partial_later", "asyncio.run(partial_later())"),
        ("partial_midway", "list(partial_midway())"),
        ("bound_later", "asyncio.run(bound_later())"),
        ("bound_midway", "list(bound_midway())"),
        ("bound_midway_later", "asyncio.run(all_(bound_midway_later()))"),
        ("Client.make_later", "asyncio.run(Client.make_later())"),
        ("Client.make_midway", "list(Client.make_midway())"),
        ("Client.price_midway", "list(Client.price_midway())"),
        ("Foreign.make_later", "asyncio.run(Foreign.make_later())"),
        ("Foreign.make_midway", "list(Foreign.make_midway())"),
        ("Foreign.price_midway", "list(Foreign.price_midway())"),
    ],
)
def test_a_calls_outcome_is_that_of_its_end(application: Application, named: str, expression: str) -> None:
    module = application.load(FAILING, named)

    with pytest.raises(OSError):
        evaluate(expression, module)

    assert calls(module, named) == {"failure": 1}


def test_a_coroutine_that_is_never_awaited_is_no_call(application: Application) -> None:
    module = application.load(FAILING, "fail_later")

    module.fail_later().close()

    assert calls(module, "fail_later") == {}


def test_a_generator_that_is_never_begun_is_no_call(application: Application) -> None:
    module = application.load(FAILING, "fail_midway")

    module.fail_midway().close()

    assert calls(module, "fail_midway") == {}
