"""The parameters of a wrapper that is compiled again: how it declares them, and how it passes them on.

Which wrapper that is, and what else it refers to, is not known here; see recompilation.py.
"""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING, Final, NamedTuple

from otel_breaker.guard.referenced_names import PREFIX

if TYPE_CHECKING:
    from types import CodeType

LOCAL: Final = f"{PREFIX}local_"
_VAR_POSITIONAL: Final = f"{LOCAL}var_positional"
_VAR_KEYWORD: Final = f"{LOCAL}var_keyword"


class Parameters(NamedTuple):
    """The kinds of a function's parameters, in the order of its code."""

    positional_only: int
    positional: int
    """Includes the positional-only ones."""
    keyword_only: tuple[str, ...]
    has_var_positional: bool
    has_var_keyword: bool

    @classmethod
    def of(cls, code: CodeType) -> Parameters:
        positional = code.co_argcount
        keyword_only = code.co_varnames[positional : positional + code.co_kwonlyargcount]
        var_positional, var_keyword = inspect.CO_VARARGS, inspect.CO_VARKEYWORDS
        flags = code.co_flags
        return cls(
            code.co_posonlyargcount, positional, keyword_only, bool(flags & var_positional), bool(flags & var_keyword)
        )

    @property
    def total(self) -> int:
        return self.positional + len(self.keyword_only) + self.has_var_positional + self.has_var_keyword

    def declaration(self) -> ast.arguments:
        positional = [ast.arg(name) for name in self._positional_names()]
        return ast.arguments(
            posonlyargs=positional[: self.positional_only],
            args=positional[self.positional_only :],
            vararg=ast.arg(_VAR_POSITIONAL) if self.has_var_positional else None,
            kwonlyargs=[ast.arg(name) for name in self.keyword_only],
            kw_defaults=[None] * len(self.keyword_only),
            kwarg=ast.arg(_VAR_KEYWORD) if self.has_var_keyword else None,
            defaults=[],
        )

    def positional_arguments(self) -> list[ast.expr]:
        arguments: list[ast.expr] = [load(name) for name in self._positional_names()]
        return [*arguments, ast.Starred(load(_VAR_POSITIONAL), ast.Load())] if self.has_var_positional else arguments

    def keyword_arguments(self) -> list[ast.keyword]:
        arguments = [ast.keyword(name, load(name)) for name in self.keyword_only]
        return [*arguments, ast.keyword(None, load(_VAR_KEYWORD))] if self.has_var_keyword else arguments

    def _positional_names(self) -> list[str]:
        return [f"{LOCAL}{number}" for number in range(self.positional)]


def load(name: str) -> ast.Name:
    """An expression that reads a name."""
    return ast.Name(name, ast.Load())
