"""Compiles the source of a wrapper again, with the parameters of the guarded function instead of `*args, **kwargs`.

Everything that the wrapper refers to becomes an attribute of one object, so that no name of it can collide with a
parameter. A call of the tracer's `is_active()` is replaced by the expression that it returns.
"""

from __future__ import annotations

import ast
import inspect
from copy import deepcopy
from functools import lru_cache
from textwrap import dedent
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, cast

from otel_breaker.guard.parameters import LOCAL, Parameters, load
from otel_breaker.guard.referenced_names import PREFIX, REFERENCES, referenced_names

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_CODES: Final = 1_000
_TRACER: Final = "tracer"
_FLAG: Final = "is_active"


def flag_of_tracer(wrapper: FunctionType) -> CodeType | None:
    """The code of `is_active()` of the tracer that a wrapper refers to; None when there is no such code."""
    for name, cell in zip(wrapper.__code__.co_freevars, wrapper.__closure__ or (), strict=True):
        if name == _TRACER:
            method = getattr(type(cell.cell_contents), _FLAG, None)
            return method.__code__ if isinstance(method, FunctionType) else None
    return None


@lru_cache(maxsize=_MAX_CODES)
def recompile(
    wrapper: CodeType, parameters: Parameters, flag: CodeType | None = None, before: CodeType | None = None
) -> CodeType | None:
    """The code of a wrapper with other parameters, which have no names yet.

    Args:
        wrapper: the code of a function with the parameters `*args, **kwargs`.
        parameters: replace those.
        flag: the code of the tracer's `is_active()`.
        before: the code of a function with the same parameters. Its statements but the last, which returns, come before
            those of the wrapper.

    Returns:
        The code; None where a source is not available.
    """
    parts = [wrapper] if before is None else [before, wrapper]
    sources = [deepcopy(_source(part)) for part in parts]
    function = sources[-1]
    if function is None or sources[0] is None:
        return None
    if before is not None:
        function.body[:0] = sources[0].body[:-1]
    transformer = _Transformer(parts, parameters, None if flag is None else _returned_expression(flag))
    function = transformer.visit(function)
    for node in ast.walk(function):
        # Tracebacks show the first line of the guarded function.
        if isinstance(node, ast.expr | ast.stmt | ast.arg | ast.keyword | ast.excepthandler):
            vars(node).update(lineno=1, end_lineno=1, col_offset=0, end_col_offset=0)
    return _compiled(function, transformer.free)


@lru_cache
def _source(code: CodeType) -> ast.FunctionDef | None:
    """The source of a function; None where there is none, or where the file on the disk has changed since."""
    try:
        source = cast("ast.FunctionDef", ast.parse(dedent(inspect.getsource(code))).body[0])
        source.decorator_list, source.returns = [], None
        for argument in (source.args.vararg, source.args.kwarg):
            if argument is not None:
                argument.annotation = None  # Python 3.14 makes a function of its own of annotations
        compiled = _compiled(deepcopy(source), set(code.co_freevars))
    except (OSError, TypeError, SyntaxError, ValueError, IndexError, AttributeError):
        return None
    is_same = all(getattr(compiled, part) == getattr(code, part) for part in ("co_code", "co_names", "co_varnames"))
    return source if is_same else None


def _returned_expression(method: CodeType) -> ast.expr | None:
    """What a method returns, when that is all that it does."""
    source = _source(method)
    if source is None:
        return None
    *others, last = source.body
    has_one_statement = all(isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant) for each in others)
    return last.value if has_one_statement and isinstance(last, ast.Return) else None


def _compiled(function: ast.stmt, free: set[str]) -> CodeType:
    """The code of a function with these free variables."""
    outer = cast("ast.FunctionDef", ast.parse("def outer(): return None").body[0])
    outer.args.args, outer.body = [ast.arg(name) for name in sorted(free)], [function]
    ast.fix_missing_locations(outer)
    return _code_in(_code_in(compile(ast.Module([outer], []), "<guard>", "exec", dont_inherit=True)))


def _code_in(code: CodeType) -> CodeType:
    (inner,) = (const for const in code.co_consts if isinstance(const, CodeType))
    return inner


class _Transformer(ast.NodeTransformer):
    """Replaces a wrapper's parameters, and renames everything else that it refers to."""

    def __init__(self, parts: Sequence[CodeType], parameters: Parameters, flag: ast.expr | None) -> None:
        self.free: set[str] = set()
        """The free variables of the result."""
        self._references = frozenset(referenced_names(*parts))
        self._locals = {name for part in parts for name in part.co_varnames}
        self._args, self._kwargs = parts[0].co_varnames[:2]
        self._parameters = parameters
        self._flag = flag

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: Any) -> ast.AST:
        node.args = self._parameters.declaration()
        node.body = [self.visit(statement) for statement in node.body]
        return cast("ast.AST", node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if self._flag is not None and _is_flag(node.func):
            return self._inlined(self._flag)
        positional: list[ast.expr] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred) and _is_name(argument.value, self._args):
                positional += self._parameters.positional_arguments()
            else:
                positional.append(self.visit(argument))
        keywords: list[ast.keyword] = []
        for keyword in node.keywords:
            if keyword.arg is None and _is_name(keyword.value, self._kwargs):
                keywords += self._parameters.keyword_arguments()
            else:
                keywords.append(self.visit(keyword))
        return ast.Call(self.visit(node.func), positional, keywords)

    def _inlined(self, flag: ast.expr) -> ast.AST:
        expression = deepcopy(flag)
        for each in ast.walk(expression):
            if isinstance(each, ast.Name):  # `self`
                each.id = _TRACER
        return cast("ast.AST", self.visit(expression))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id == self._args:
            return ast.Tuple(self._parameters.positional_arguments(), ast.Load())
        if node.id == self._kwargs:
            keywords = self._parameters.keyword_arguments()
            keys: list[ast.expr | None] = [ast.Constant(each.arg) if each.arg else None for each in keywords]
            return ast.Dict(keys, [each.value for each in keywords])
        if node.id in self._locals:
            return ast.Name(f"{LOCAL}{node.id}", node.ctx)
        if node.id in self._references:
            self.free.add(REFERENCES)
            return ast.Attribute(load(REFERENCES), node.id, ast.Load())
        self.free.add(f"{PREFIX}{node.id}")
        return load(f"{PREFIX}{node.id}")

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if node.name is not None:
            node.name = f"{LOCAL}{node.name}"
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return ast.Assign([self.visit(node.target)], self.visit(node.value))


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_flag(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == _FLAG and _is_name(node.value, _TRACER)
