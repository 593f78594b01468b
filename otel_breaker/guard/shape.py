"""A guard that shows the code of the function it guards: its parameters, file and line, its defaults and attributes.

A body (bodies.py, hot.py) takes `*args, **kwargs`. Tools that read a function's code would see those, and a function
with the right parameters round the body would cost a call more. So the body's own source is compiled once more, with
the parameters of the function in the place of `*args, **kwargs`. What it refers to are the same objects.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from contextlib import suppress
from copy import deepcopy
from functools import WRAPPER_ASSIGNMENTS, lru_cache
from textwrap import dedent
from types import CellType, CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

_PREFIX: Final = "_otel_breaker_"
_PARTS: Final = f"{_PREFIX}parts"
_LOCAL: Final = f"{_PREFIX}local_"
_REST: Final = f"{_LOCAL}rest"
_OTHER_NAMES: Final = f"{_LOCAL}other_names"
MADE_BY: Final = "__circuit_breaker_made_by__"
"""The mark of a guard that makes another one like it: takes nothing, returns it without the shape."""
_MOST_SHAPES: Final = 1_000
_SHOWN: Final = [
    name for name in ("co_name", "co_qualname", "co_filename", "co_firstlineno") if hasattr(CodeType, name)
]


def shape(body: F, function: Callable[..., Any], *, exact: bool) -> F:
    """Make a guard look like the function that it guards.

    Args:
        body: what to run; takes `*args, **kwargs`.
        function: what it guards.
        exact: whether the guard is to be called with the parameters of the function. It then no longer knows which
            were left at their defaults, or given by their names.

    Returns:
        A function, with the namespace of *function* as its own; *body* when Python keeps no source of it, and for
        what is no plain function of Python.
    """
    if type(function) is not FunctionType or not isinstance(body, FunctionType):
        return body
    own = function.__code__
    like = own if exact else body.__code__
    parameters = _Parameters.of(like)
    template = _template(body.__code__, parameters)
    if template is None:
        return body
    names = like.co_varnames[: parameters.total] + template.co_varnames[parameters.total :]
    code = template.replace(co_varnames=names, **{name: getattr(own, name) for name in _SHOWN})
    shaped = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, _cells(code, body))
    shaped.__kwdefaults__ = function.__kwdefaults__
    for name in WRAPPER_ASSIGNMENTS:
        if hasattr(function, name):
            setattr(shaped, name, getattr(function, name))
    shaped.__dict__ = function.__dict__  # the same: what one sets, the other has
    if not exact:
        with suppress(TypeError, ValueError):  # what a function says of itself may be no signature
            shown = vars(body)["__signature__"] = inspect.signature(function)
            shaped.__signature__ = shown  # type: ignore[attr-defined]  # as every function may
    return cast("F", shaped)


def unshaped(function: Any) -> Any:
    """The guard that a function was made of, with marks and attributes of its own; anything else itself."""
    if type(function) is FunctionType and _PARTS in function.__code__.co_freevars:
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        return cells[_PARTS].cell_contents.guard
    return function


def release(guard: Any) -> None:
    """Take from the function what its guard has left there, when that is taken away."""
    shown = vars(unshaped(guard)).get("__signature__")
    if shown is not None and vars(guard).get("__signature__") is shown:
        del guard.__signature__


class Parts:
    """What the body of a guard refers to, by the names that it has there."""

    __slots__ = ("guard",)

    guard: FunctionType
    """The body itself, with marks and attributes of its own."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Some tools pickle a function by value, with what it refers to: in another process the guard is made anew.
        return _parts_again, (vars(self.guard)[MADE_BY],)


def _parts_again(make: Callable[[], FunctionType]) -> Parts:
    return _parts(make())


@lru_cache
def _parts_of(body: CodeType) -> type[Parts]:
    """With a slot for each part, which is as quick to read as a closure."""
    names = sorted({*body.co_freevars, *body.co_names} - vars(builtins).keys())
    return type("Parts", (Parts,), {"__slots__": names})


def _parts(guard: FunctionType) -> Parts:
    parts: Any = _parts_of(guard.__code__)()
    parts.guard = guard
    known = dict(zip(guard.__code__.co_freevars, guard.__closure__ or (), strict=True))
    for name in type(parts).__slots__:
        if name in known:
            setattr(parts, name, known[name].cell_contents)
        elif name in guard.__globals__:
            setattr(parts, name, guard.__globals__[name])
    return cast("Parts", parts)


class _Parameters(NamedTuple):
    """Of which kinds a function's parameters are, in the order in which its code has them."""

    positional_only: int
    positional: int
    """With those."""
    by_name: tuple[str, ...]
    takes_rest: bool
    takes_other_names: bool

    @classmethod
    def of(cls, code: CodeType) -> _Parameters:
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


@lru_cache(maxsize=_MOST_SHAPES)
def _template(body: CodeType, parameters: _Parameters) -> CodeType | None:
    """The code of a body with other parameters, which are not named yet."""
    source = _source(body)
    if source is None:
        return None
    reshaped = _Reshaped(body, parameters)
    inner = reshaped.visit(deepcopy(source))
    outer = cast("ast.FunctionDef", ast.parse("def outer(): return None").body[0])
    outer.args.args, outer.body = [ast.arg(name) for name in sorted(reshaped.free)], [inner]
    for node in ast.walk(outer):
        # All of it stands where the function does.
        if isinstance(node, ast.expr | ast.stmt | ast.arg | ast.keyword | ast.excepthandler):
            vars(node).update(lineno=1, end_lineno=1, col_offset=0, end_col_offset=0)
    return _code_in(_code_in(compile(ast.Module([outer], []), "<guard>", "exec", dont_inherit=True)))


@lru_cache
def _source(body: CodeType) -> ast.stmt | None:
    try:
        return ast.parse(dedent(inspect.getsource(body))).body[0]
    except (OSError, TypeError, SyntaxError):
        return None


def _code_in(code: CodeType) -> CodeType:
    (found,) = (const for const in code.co_consts if isinstance(const, CodeType))
    return found


def _cells(code: CodeType, body: FunctionType) -> tuple[CellType, ...]:
    """What the code refers to: what is built in, and all else as parts of the guard."""
    return tuple(
        CellType(_parts(body) if name == _PARTS else getattr(builtins, name.removeprefix(_PREFIX)))
        for name in code.co_freevars
    )


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


class _Reshaped(ast.NodeTransformer):
    """Puts parameters in the place of a body's own, and keeps all other names apart from theirs."""

    def __init__(self, body: CodeType, parameters: _Parameters) -> None:
        self.free: set[str] = set()
        """What the result refers to."""
        self._parts = frozenset(_parts_of(body).__slots__)
        self._local = body.co_varnames
        self._rest, self._names = body.co_varnames[:2]
        self._parameters = parameters

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node)

    def _function(self, node: Any) -> ast.AST:
        node.decorator_list, node.returns = [], None
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
            self.free.add(_PARTS)
            return ast.Attribute(_load(_PARTS), node.id, ast.Load())
        self.free.add(f"{_PREFIX}{node.id}")
        return _load(f"{_PREFIX}{node.id}")

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
