"""The alerting rules for a world in which a minute is a second.

The demo exports every second, not every minute, and its outage lasts seconds, not minutes. So must the rules.
"""

import re

DURATION = re.compile(r"(\[|for: |interval: |offset )(\d+)(s|m)\b")
AGE = re.compile(r"(circuit_breaker:age:seconds < )(\d+)")
SECONDS = {"s": 1, "m": 60}
QUICKER = 60


def quicker(rules: str) -> str:
    """The same rules, for a world in which a minute is a second."""
    rules = DURATION.sub(lambda found: f"{found[1]}{int(found[2]) * SECONDS[found[3]] * 1000 // QUICKER}ms", rules)
    return AGE.sub(lambda found: f"{found[1]}{int(found[2]) // QUICKER}", rules)
