"""Serves a request that another service sent, with a guarded call for each argument; prints the context within.

Each line is JSON: the result, and the `traceparent` that a client would send from within the guarded call, and after
it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING

from opentelemetry import context, propagate

from otel_breaker import CircuitOpenError, get_breaker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

breaker = get_breaker("payments", failure_threshold=1)


def traceparent() -> str:
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers["traceparent"]


@breaker
def function() -> str:
    return traceparent()


@breaker
async def later() -> str:
    await asyncio.sleep(0)
    return traceparent()


@breaker
def items() -> Iterator[str]:
    yield traceparent()
    yield traceparent()


def generator() -> str:
    [first, second] = items()
    assert first == second
    return first


def block() -> str:
    with breaker.guard():
        return traceparent()


@breaker
def failing() -> str:
    raise OSError(traceparent())


ENTRIES: dict[str, Callable[[], str]] = {
    "function": function,
    "coroutine": lambda: asyncio.run(later()),
    "generator": generator,
    "block": block,
    "failure": failing,
    "refusal": function,
}


if __name__ == "__main__":
    context.attach(propagate.extract({"traceparent": CALLER}))
    for name in sys.argv[1:]:
        try:
            result, within = "returned", ENTRIES[name]()
        except OSError as error:
            result, within = "raised", str(error)
        except CircuitOpenError:
            result, within = "refused", ""
        print(json.dumps({"result": result, "within": within, "after": traceparent()}))
