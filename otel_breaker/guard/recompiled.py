"""The body of a guard, compiled once more with other parameters in the place of `*args, **kwargs`.

Python's own compiler does it, from the source that the body itself has been compiled from.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from copy import deepcopy
from functools import lru_cache
from textwrap import dedent
from types import CodeType
from typing import Any, Final, NamedTuple, cast

PREFIX: Final = "_otel_breaker_"
"""Keeps what the compiled code refers to apart from the parameters."""
PARTS: Final = f"{PREFIX}parts"
"""What has everything as an attribute that the body refers to, but for what is built in."""
_LOCAL: Final = f"{PREFIX}local_"
_REST: Final = f"{_LOCAL}rest"
_OTHER_NAMES: Final = f"{_LOCAL}other_names"
_MOST: Final = 1_000


def references(body: CodeType) -> list[str]:
    """What a body refers to, but for what is built in."""
    return sorted({*body.co_freevars, *body.co_names} - vars(builtins).keys())


class Parameters(NamedTuple):
    """Of which kinds a function's parameters are, in the order in which its code has them."""

    positional_only: int
    positional: int
    """With those."""
    by_name: tuple[str, ...]
    takes_rest: bool
    takes_other_names: bool

    @classmethod
    def of(cls, code: CodeType) -> Parameters:
        positional = code.co_argcount
        by_name = code.co_varnames[positional : positional + code.co_kwonlyargcount]
        flags = code.co_flags
        rest, other_names = bool(flags & inspect.CO_VARARGS), bool(flags & inspect.CO_VARKEYWORDS)
        return cls(code.co_posonlyargcount, positional, by_name, rest, other_names)

    @property
    def total(self) -> int:
        return self.positional + len(self.by_name) + self.takes_rest + self.takes_other_names

    def declared(self) -> ast.arguments:
        numbered = [ast.arg(name) for name in self._numbered()]
        return ast.arguments(
            posonlyargs=numbered[: self.positional_only],
            args=numbered[self.positional_only :],
            vararg=ast.arg(_REST) if self.takes_rest else None,
            kwonlyargs=[ast.arg(name) for name in self.by_name],
            kw_defaults=[None] * len(self.by_name),
            kwarg=ast.arg(_OTHER_NAMES) if self.takes_other_names else None,
            defaults=[],
        )

    def in_order(self) -> list[ast.expr]:
        """What to pass by position."""
        given: list[ast.expr] = [_load(name) for name in self._numbered()]
        return [*given, ast.Starred(_load(_REST), ast.Load())] if self.takes_rest else given

    def named(self) -> list[ast.keyword]:
        """What to pass by name."""
        given = [ast.keyword(name, _load(name)) for name in self.by_name]
        return [*given, ast.keyword(None, _load(_OTHER_NAMES))] if self.takes_other_names else given

    def _numbered(self) -> list[str]:
        return [f"{_LOCAL}{number}" for number in range(self.positional)]


@lru_cache(maxsize=_MOST)
def recompiled(body: CodeType, parameters: Parameters) -> CodeType | None:
    """The code of a body with other parameters, which are not named yet."""
    source = _source(body)
    if source is None:
        return None
    reshaped = _Reshaped(body, parameters)
    inner = reshaped.visit(deepcopy(source))
    for node in ast.walk(inner):
        # All of it stands where the guarded function does.
        if isinstance(node, ast.expr | ast.stmt | ast.arg | ast.keyword | ast.excepthandler):
            vars(node).update(lineno=1, end_lineno=1, col_offset=0, end_col_offset=0)
    return _compiled(inner, reshaped.free)


@lru_cache
def _source(body: CodeType) -> ast.stmt | None:
    """The source of a body; None where there is none, or another one since: the file may have changed on the disk."""
    try:
        source = cast("ast.FunctionDef", ast.parse(dedent(inspect.getsource(body))).body[0])
        source.decorator_list, source.returns = [], None
        compiled = _compiled(deepcopy(source), set(body.co_freevars))
    except (OSError, TypeError, SyntaxError, ValueError, IndexError, AttributeError):
        return None
    is_same = all(getattr(compiled, part) == getattr(body, part) for part in ("co_code", "co_names", "co_varnames"))
    return source if is_same else None


def _compiled(function: ast.stmt, free: set[str]) -> CodeType:
    """The code of a function that refers to names of a function round it."""
    outer = cast("ast.FunctionDef", ast.parse("def outer(): return None").body[0])
    outer.args.args, outer.body = [ast.arg(name) for name in sorted(free)], [function]
    ast.fix_missing_locations(outer)
    return _code_in(_code_in(compile(ast.Module([outer], []), "<guard>", "exec", dont_inherit=True)))


def _code_in(code: CodeType) -> CodeType:
    (found,) = (const for const in code.co_consts if isinstance(const, CodeType))
    return found


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


class _Reshaped(ast.NodeTransformer):
    """Puts parameters in the place of a body's own, and keeps all other names apart from theirs."""

    def __init__(self, body: CodeType, parameters: Parameters) -> None:
        self.free: set[str] = set()
        """What the result refers to."""
        self._parts = frozenset(references(body))
        self._local = body.co_varnames
        self._rest, self._names = body.co_varnames[:2]
        self._parameters = parameters

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: Any) -> ast.AST:
        node.args = self._parameters.declared()
        node.body = [self.visit(statement) for statement in node.body]
        return cast("ast.AST", node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        given: list[ast.expr] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred) and self._is(argument.value, self._rest):
                given += self._parameters.in_order()
            else:
                given.append(self.visit(argument))
        named: list[ast.keyword] = []
        for keyword in node.keywords:
            if keyword.arg is None and self._is(keyword.value, self._names):
                named += self._parameters.named()
            else:
                named.append(self.visit(keyword))
        return ast.Call(self.visit(node.func), given, named)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id == self._rest:
            return ast.Tuple(self._parameters.in_order(), ast.Load())
        if node.id == self._names:
            named = self._parameters.named()
            return ast.Dict([ast.Constant(each.arg) if each.arg else None for each in named], [e.value for e in named])
        if node.id in self._local:
            return ast.Name(f"{_LOCAL}{node.id}", node.ctx)
        if node.id in self._parts:
            self.free.add(PARTS)
            return ast.Attribute(_load(PARTS), node.id, ast.Load())
        self.free.add(f"{PREFIX}{node.id}")
        return _load(f"{PREFIX}{node.id}")

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if node.name is not None:
            node.name = f"{_LOCAL}{node.name}"
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return ast.Assign([self.visit(node.target)], self.visit(node.value))

    @staticmethod
    def _is(node: ast.expr, name: str) -> bool:
        return isinstance(node, ast.Name) and node.id == name
