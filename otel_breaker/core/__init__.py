"""The states, windows and rules of a circuit, and the machine that applies them, as pure data and functions.

Nothing here reads a clock, takes a lock, draws a random number, does I/O, logs or imports OpenTelemetry: the caller
passes time and random numbers in as data, and acts on the transitions that are returned.
"""
