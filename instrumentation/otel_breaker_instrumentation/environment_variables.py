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

``false`` guards nothing, whatever the configuration says. Flag: ``--breaker_enabled``.
"""

OTEL_BREAKER_MODE = "OTEL_BREAKER_MODE"
"""
.. envvar:: OTEL_BREAKER_MODE

``enforce``, ``shadow`` or ``off`` for every configured breaker. Flag: ``--breaker_mode``.
"""
