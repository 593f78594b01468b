"""A shop, its payment provider and an outage: `python -m examples.checkout` runs it without and with the breaker.

Only `breakers.yaml` configures a breaker; the shop, its payment client and the provider contain none. `--async` runs an
async shop instead; provider, load, schedule, configuration and report are the same.
"""
