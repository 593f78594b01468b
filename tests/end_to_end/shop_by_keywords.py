"""The demo's shop, guarded by its own first lines: `python -m tests.end_to_end.shop_by_keywords`."""

import runpy

from examples.checkout.run import SHOP
from otel_breaker_instrumentation import OtelBreakerInstrumentor

if __name__ == "__main__":
    OtelBreakerInstrumentor().instrument(
        breakers={"by keywords": {"failure_threshold": 1}},
        targets=[{"function": "examples.checkout.payments:PaymentClient.charge", "breaker": "by keywords"}],
    )
    runpy.run_module(SHOP, run_name="__main__")
