"""The payment provider: a web service that fails and recovers by the schedule that it receives.

It counts the requests of each phase. Its code does not depend on whether the caller has a breaker.
"""

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass

from flask import Flask, request
from waitress import serve

from examples.checkout.schedule import Phase, Schedule


@dataclass(frozen=True)
class Condition:
    seconds: float
    status: int


HEALTHY = Condition(seconds=0.03, status=200)
# Slow, and failing nevertheless, as an overloaded service is; the shop's client waits up to a second.
OVERLOADED = Condition(seconds=0.8, status=500)


class Provider:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started = 0.0
        self._schedule: Schedule | None = None
        self._requests: Counter[Phase] = Counter()

    def start(self, schedule: Schedule) -> None:
        with self._lock:
            self._schedule, self._started = schedule, time.monotonic()
            self._requests.clear()

    def admit(self) -> Condition:
        """Count one request, and return the condition in which it is answered."""
        with self._lock:
            elapsed = time.monotonic() - self._started
            phase = self._schedule.phase(elapsed) if self._schedule else Phase.HEALTHY
            self._requests[phase] += 1
        return OVERLOADED if phase is Phase.DOWN else HEALTHY

    def requests(self) -> dict[str, int]:
        with self._lock:
            return {phase.value: self._requests[phase] for phase in Phase}


def create_app(provider: Provider) -> Flask:
    app = Flask("provider")

    @app.post("/charges")
    def charges() -> tuple[dict[str, str], int]:
        condition = provider.admit()
        time.sleep(condition.seconds)
        return {"receipt": f"receipt for {request.json['order']}"}, condition.status

    @app.post("/schedule")
    def schedule() -> dict[str, str]:
        provider.start(Schedule(**request.json))
        return {}

    @app.get("/requests")
    def requests() -> dict[str, int]:
        return provider.requests()

    return app


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    serve(create_app(Provider()), host="127.0.0.1", port=0, threads=32)
