"""Why a target waits for its module, and whether the module can be imported. It is looked for, and never imported."""

from __future__ import annotations

import sys
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from otel_breaker_instrumentation.targets.imports import is_complete

if TYPE_CHECKING:
    from collections.abc import Sequence

NOT_YET: Final = "nobody has imported its module, which is there"
"""The reason where a process that was forked from this one may import it."""

_NEARLY_THE_SAME: Final = 0.9


def why_pending(module: str) -> tuple[str, str]:
    """Why the targets in a module are pending, and the remedy."""
    if is_complete(module):
        return "it came without being imported, or just when it was asked for", "uninstrument() and instrument()"
    if module in sys.modules:
        return "its import is not finished", "wait until it is"
    if _is_main(module):
        return "it runs as __main__, not under its own name", "move the function into a module of its own"
    if _can_be_imported(module):
        return NOT_YET, "does the program import it, and by this name?"
    # Of hundreds of modules, only those of the same package are compared, since each comparison takes long.
    package = module.rpartition(".")[0]
    known = {name for name in list(sys.modules) if name.rpartition(".")[0] == package}
    # Python's own modules have short names, one of which resembles nearly any name.
    own = known & sys.stdlib_module_names
    close = get_close_matches(module, known - own, n=1) or get_close_matches(module, own, n=1, cutoff=_NEARLY_THE_SAME)
    return "nobody has imported its module", f"did you mean {close[0]!r}?" if close else "is it spelt right?"


def _is_main(module: str) -> bool:
    """Whether a module runs as `__main__`: by `python -m`, or as a script."""
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        name = str(spec.name)
        return module in (name, name.removesuffix(".__main__"))
    # At the program's end `__main__` has no `__file__` any more.
    file = getattr(main, "__file__", None) or next(iter(sys.argv), "")
    return str(file).endswith(".py") and Path(file).stem == module


def _can_be_imported(module: str) -> bool:
    """Whether an import would find a module. Runs no package's code, as an import or `find_spec` of importlib would."""
    name, path = "", None
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        folders = [str(Path(entry, part)) for entry in (sys.path if path is None else path)]
        spec = getattr(sys.modules.get(name), "__spec__", None) or _find_spec(name, path)
        if spec is not None and spec.origin is not None:
            path = list(spec.submodule_search_locations or ())
        else:  # the spec of a package without `__init__` imports the parent when its path is read
            path = [folder for folder in folders if Path(folder).is_dir()]
            if not path:
                return False
    return True


def _find_spec(name: str, path: Sequence[str] | None) -> Any:
    for finder in list(sys.meta_path):
        if (
            type(finder).__module__.partition(".")[0] == "wrapt"
        ):  # its finder imports, and expects to be called by an import
            continue
        with suppress(Exception):
            spec = finder.find_spec(name, path)
            if spec is not None:
                return spec
    return None
