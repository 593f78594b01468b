"""The shop as an async web application, with the same pages.

This module must not use breakers or OpenTelemetry: the demo shows what both add from outside.
"""

import logging
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from examples.checkout.payments import AsyncPaymentClient

log = logging.getLogger("shop")


class State(TypedDict):
    payments: AsyncPaymentClient


async def products(_: Request) -> JSONResponse:
    return JSONResponse({"socks": 900, "umbrella": 2500})


async def checkout(request: Request) -> JSONResponse:
    payments: AsyncPaymentClient = request.state.payments
    order_id = uuid.uuid4().hex
    try:
        receipt = await payments.charge(order_id, amount=2500)
    except Exception as error:
        log.warning("order %s was not paid: %s", order_id, error)
        return JSONResponse({"order": order_id, "problem": "payment unavailable, your basket is kept"}, 503)
    return JSONResponse({"order": order_id, "receipt": receipt})


def create_app(payments_url: str) -> Starlette:
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[State]:
        async with AsyncPaymentClient(payments_url) as payments:
            yield {"payments": payments}

    routes = [Route("/products", products), Route("/checkout", checkout, methods=["POST"])]
    return Starlette(routes=routes, lifespan=lifespan)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    uvicorn.run(create_app(os.environ["PAYMENTS_URL"]), host="127.0.0.1", port=0, access_log=False)
