"""Names of a package that are imported when they are first asked for.

A process that imports a package for one of its modules loads no other. Which names a package has is not known here.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def import_when_asked(package: dict[str, Any], **modules: str) -> None:
    """Give a package names whose modules are imported when a name is first asked for.

    The package imports the same names for type checkers.

    Args:
        package: its namespace.
        **modules: the module of each name, within the package.
    """

    def get(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}")
        found = package[name] = getattr(import_module(f"{package['__name__']}.{modules[name]}"), name)
        return found

    package["__getattr__"] = get
    package["__dir__"] = lambda: sorted({*package, *modules})
