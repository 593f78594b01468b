"""The command `otel-breaker`: reads configuration files, an application's code and exported telemetry, and reports.

`main` finds the subcommand by name; each is a module or a folder of its own, and none imports another. `otlp` reads
exported telemetry for those that need it. Nothing here ever runs inside the application that is guarded, and no other
package imports this one: it may need what only the extra `cli` installs.
"""
