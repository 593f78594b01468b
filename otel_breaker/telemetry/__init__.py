"""The telemetry of breakers, through the OpenTelemetry API alone: without an SDK it has no effect.

`names` holds every name in use, `traces` the spans of calls, `metrics` the instruments, `events` the log events.
Nothing here decides about a call, and no fault of telemetry reaches one.
"""
