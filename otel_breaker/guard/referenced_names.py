"""What a wrapper refers to, and the names for it in the code that is compiled of the wrapper.

How that code is compiled is not known here; see recompilation.py.
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import CodeType

PREFIX: Final = "_otel_breaker_"
"""Keeps the names of the compiled code apart from the parameters."""
REFERENCES: Final = f"{PREFIX}references"
"""The object that has everything as an attribute that the wrapper refers to, except builtins."""


def referenced_names(*parts: CodeType) -> list[str]:
    """The names that the parts of a wrapper refer to, except builtins and what one of them assigns."""
    referenced = {name for part in parts for name in (*part.co_freevars, *part.co_names)}
    return sorted(referenced - vars(builtins).keys() - {name for part in parts for name in part.co_varnames})
