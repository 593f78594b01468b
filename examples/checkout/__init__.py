"""A shop, its payment provider and an outage: `python -m examples.checkout` runs it without and with the breaker.

Only `breakers.yaml` speaks of breakers. The shop, its payment client and the provider never do. `--async` runs an async
shop instead; provider, load, schedule, configuration and story are the same.
"""
