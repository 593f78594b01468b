"""The command `otel-breaker`: what an operator runs on files, beside the application and never inside it.

`main` finds the subcommand, one file or folder each; `otlp` reads exported telemetry for those that need it.
"""
