"""What a circuit is and when it moves, as pure data and rules.

Nothing in here reads a clock, takes a lock, draws a random number, does I/O, logs, or knows OpenTelemetry:
whoever calls passes those in as data and acts on what is returned.
"""
