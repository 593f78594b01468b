"""Scales the alerting rules so that a minute becomes a second.

The demo exports every second instead of every minute, and its outage lasts seconds instead of minutes.
"""

import re

DURATION = re.compile(r"(\[|for: |interval: |offset )(\d+)(s|m)\b")
AGE = re.compile(r"(circuit_breaker:age:seconds < )(\d+)")
SECONDS = {"s": 1, "m": 60}
FACTOR = 60


def scale(rules: str) -> str:
    """The same rules with all durations divided by `FACTOR`."""
    rules = DURATION.sub(lambda match: f"{match[1]}{int(match[2]) * SECONDS[match[3]] * 1000 // FACTOR}ms", rules)
    return AGE.sub(lambda match: f"{match[1]}{int(match[2]) // FACTOR}", rules)
