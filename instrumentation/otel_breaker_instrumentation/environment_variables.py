"""The environment variables of the instrumentor; `opentelemetry-instrument` makes a flag of each.

Imported at every start of that command: constants only.
"""

OTEL_BREAKER_CONFIG_FILE = "OTEL_BREAKER_CONFIG_FILE"
"""
.. envvar:: OTEL_BREAKER_CONFIG_FILE

The YAML or JSON file that names breakers and the functions to guard. Flag: ``--breaker_config_file``.
"""

OTEL_BREAKER_TARGETS = "OTEL_BREAKER_TARGETS"
"""
.. envvar:: OTEL_BREAKER_TARGETS

Functions to guard, without a file: ``module:name=breaker,module:name``. Flag: ``--breaker_targets``.
"""

OTEL_BREAKER_ENABLED = "OTEL_BREAKER_ENABLED"
"""
.. envvar:: OTEL_BREAKER_ENABLED

``false`` guards nothing that is configured. Flag: ``--breaker_enabled``.
"""

OTEL_BREAKER_MODE = "OTEL_BREAKER_MODE"
"""
.. envvar:: OTEL_BREAKER_MODE

``enforce``, ``shadow`` or ``off`` for every configured breaker. Flag: ``--breaker_mode``.
"""

OTEL_BREAKER_SPANS = "OTEL_BREAKER_SPANS"
"""
.. envvar:: OTEL_BREAKER_SPANS

``all``, ``problems`` or ``off``: which calls get a span. Flag: ``--breaker_spans``.
"""

OTEL_BREAKER_EVENTS = "OTEL_BREAKER_EVENTS"
"""
.. envvar:: OTEL_BREAKER_EVENTS

``span``, ``log`` or ``both``: how state changes are exported. Flag: ``--breaker_events``.
"""

OTEL_BREAKER_REJECTED_SPAN_LIMIT = "OTEL_BREAKER_REJECTED_SPAN_LIMIT"
"""
.. envvar:: OTEL_BREAKER_REJECTED_SPAN_LIMIT

Spans of refused calls a second and circuit. Flag: ``--breaker_rejected_span_limit``.
"""

OTEL_BREAKER_DURATION_HISTOGRAM = "OTEL_BREAKER_DURATION_HISTOGRAM"
"""
.. envvar:: OTEL_BREAKER_DURATION_HISTOGRAM

``true`` measures how long calls take. Flag: ``--breaker_duration_histogram``.
"""

OTEL_BREAKER_RECORD_EXCEPTIONS = "OTEL_BREAKER_RECORD_EXCEPTIONS"
"""
.. envvar:: OTEL_BREAKER_RECORD_EXCEPTIONS

``true`` records exceptions with their text and traceback. Flag: ``--breaker_record_exceptions``.
"""
