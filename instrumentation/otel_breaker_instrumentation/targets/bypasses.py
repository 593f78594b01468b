"""Objects that hold a function itself, so that their calls bypass the guard under its name.

A decorator of a framework is given the function before its module is imported, and so before it is guarded: a route,
a task, a handler or a validator keeps it. The garbage collector knows which objects hold which; the search goes
through all objects of the process, so it runs for a report alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from otel_breaker import diagnostics
from otel_breaker_instrumentation.targets.bypass_names import Bypass, task_bypass
from otel_breaker_instrumentation.targets.bypass_search import BypassSearch

if TYPE_CHECKING:
    from collections.abc import Sequence


def find_bypasses(targets: Sequence[tuple[str, Any, bool]]) -> list[tuple[Bypass, ...]]:
    """Find what bypasses the guards of functions; a fault of the search finds nothing, and is logged.

    Args:
        targets: the name of each function, the function as it was before it was guarded, and whether to search all
            objects for it. The workers of a task are found without that.

    Returns:
        What bypasses each, of known frameworks alone where there are any; at most five.
    """
    try:
        tasks = [task_bypass(function, name) for name, function, _ in targets]
        wanted = [index for index, (_, _, is_searched) in enumerate(targets) if is_searched and tasks[index] is None]
        found = search([targets[index][1] for index in wanted]) if wanted else []
    except Exception:
        diagnostics.exception("who else calls the targets is not known")
        return [()] * len(targets)
    others = dict(zip(wanted, found, strict=True))
    return [others.get(index, ()) if task is None else (task,) for index, task in enumerate(tasks)]


def search(functions: Sequence[Any]) -> list[tuple[Bypass, ...]]:
    """Search all objects for those that hold functions otherwise than under a name in a module or a class."""
    bypass_search = BypassSearch(functions)
    bypass_search.run()
    return [bypass_search.found(index) for index in range(len(functions))]
