"""The programs and versions that the checks run against, and where their binaries are kept.

A module is pinned by its version, and by its hash in the Go checksum database. Nothing here builds or runs a program.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

FOLDER_VARIABLE = "OTEL_BREAKER_BACKENDS"
"""The environment variable that names a folder of binaries to use instead of built ones."""

COLLECTOR = Path(__file__).parent / "collector"


@dataclass(frozen=True)
class Module:
    path: str
    version: str
    sum: str

    @property
    def label(self) -> str:
        return f"{self.path.rpartition('/')[2]}-{self.version}"


@dataclass(frozen=True)
class Program:
    name: str
    package: str
    module: Module | None  # the Collector is a distribution of our own, built from the folder `collector`
    tags: str = ""

    @property
    def label(self) -> str:
        """The source of the binary, so that a binary of another version is never used for it."""
        return self.module.label if self.module else f"otelcol-{_digest(COLLECTOR)}"


PROMETHEUS = Module("github.com/prometheus/prometheus", "v0.316.0", "h1:f1GRFerhTMKQma+awCoC9T820ecWeGSdF+xAlMHzZzM=")
JAEGER = Module("github.com/jaegertracing/jaeger", "v1.76.0", "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g=")
# A version that searches in events and links; it is not in the checksum database, so the hash is our own.
TEMPO = Module(
    "github.com/grafana/tempo",
    "v1.5.1-0.20250529124718-87c2dc380cec",
    "h1:wnzJov9RhSHGaTYGzTygL4qq986fLen8xSqnQgaMd28=",
)

PROGRAMS = (
    # Without service discovery for clouds, which doubles the build time.
    Program("promtool", "./cmd/promtool", PROMETHEUS, tags="netgo,remove_all_sd"),
    Program("otelcol", ".", None),
    Program("prometheus", "./cmd/prometheus", PROMETHEUS, tags="netgo,remove_all_sd"),
    Program("jaeger", "./cmd/jaeger", JAEGER),
    Program("tempo", "./cmd/tempo", TEMPO),
)


def binary(program: Program) -> Path:
    """The path of the program, built or not."""
    if folder := os.environ.get(FOLDER_VARIABLE):
        return Path(folder).expanduser() / program.name
    return cache() / program.label / program.name


def cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(home).expanduser() / "otel-breaker" / "backends"


def named(name: str) -> Program:
    return next(program for program in PROGRAMS if program.name == name)


def missing() -> list[Program]:
    return [program for program in PROGRAMS if not os.access(binary(program), os.X_OK)]


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
