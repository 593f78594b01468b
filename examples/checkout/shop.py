"""The shop: a web application without circuit breakers.

This module must not use breakers or OpenTelemetry: the demo shows what both add from outside.
"""

import logging
import os
import uuid

from flask import Flask
from waitress import serve

from examples.checkout.payments import PaymentClient

log = logging.getLogger("shop")


def create_app(payments: PaymentClient) -> Flask:
    app = Flask("shop")

    @app.get("/products")
    def products() -> dict[str, int]:
        return {"socks": 900, "umbrella": 2500}

    @app.post("/checkout")
    def checkout() -> tuple[dict[str, str], int]:
        order_id = uuid.uuid4().hex
        try:
            receipt = payments.charge(order_id, amount=2500)
        except Exception as error:
            log.warning("order %s was not paid: %s", order_id, error)
            return {"order": order_id, "problem": "payment unavailable, your basket is kept"}, 503
        return {"order": order_id, "receipt": receipt}, 200

    return app


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    serve(create_app(PaymentClient(os.environ["PAYMENTS_URL"])), host="127.0.0.1", port=0, threads=8)
