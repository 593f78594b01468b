"""What the breakers tell, through the OpenTelemetry API alone: with no SDK set up all of it says nothing.

`names` holds every name in use, `traces` the spans of calls, `metrics` the instruments. Nothing here decides about
a call, and nothing that goes wrong here reaches one.
"""
