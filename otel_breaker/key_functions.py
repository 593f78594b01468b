"""Key functions: they have the parameters of a guarded function, and return the key of a call with these arguments.

Here one is compiled of the fields of a template, which costs a call as little as a function that is written by hand.
Which fields a template has is not known here; see key_template.py.
"""

from __future__ import annotations

import ast
from _string import formatter_field_name_split  # type: ignore[import-not-found]  # what `string.Formatter` uses
from inspect import Parameter
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from inspect import Signature

_SOURCE: Final = """
def key():
    try:
        return KEY
    except _otel_breaker_exception as _otel_breaker_error:
        raise _otel_breaker_no_key(_otel_breaker_error, ARGUMENTS) from None
"""
"""The prefix keeps its names apart from the parameters."""
_AS_IT_IS: Final = -1


class NoKeyError(Exception):
    """A call has no key. The text is the reason, without a value of the call."""


class TemplatePart(NamedTuple):
    """A part of a template, as `string.Formatter.parse` returns it: text, and the field that follows it."""

    text: str
    field: str | None
    form: str | None
    conversion: str | None

    @property
    def parameter(self) -> str:
        """The parameter that the field reads."""
        return (self.field or "").partition(".")[0].partition("[")[0]


def compile_key_function(
    signature: Signature, parts: Sequence[TemplatePart], no_key: Callable[[Exception, Mapping[str, Any]], NoKeyError]
) -> Callable[..., str] | None:
    """Compile the parts of a template to a key function.

    Args:
        signature: of the guarded function.
        parts: make the key; their parameters are in the signature.
        no_key: makes the error of a call whose arguments make no key, of what they raised and those that were read.

    Returns:
        The function; None where a field has a form that is made of other fields, or none that can be read.
    """
    if any("{" in (part.form or "") for part in parts):
        return None
    source = cast("ast.FunctionDef", ast.parse(_SOURCE).body[0])
    attempt = cast("ast.Try", source.body[0])
    try:
        cast("ast.Return", attempt.body[0]).value = ast.JoinedStr([each for part in parts for each in _values(part)])
    except ValueError:  # a field such as `{host.}`
        return None
    read = sorted({part.parameter for part in parts if part.field is not None})
    call = cast("ast.Call", cast("ast.Raise", attempt.handlers[0].body[0]).exc)
    call.args[1] = ast.Dict([ast.Constant(name) for name in read], [_load(name) for name in read])
    parameters = signature.parameters.values()
    source.args = _declaration(list(parameters))
    module = compile(ast.fix_missing_locations(ast.Module([source], [])), "<key>", "exec", dont_inherit=True)
    (code,) = (const for const in module.co_consts if isinstance(const, CodeType))
    names = {"__name__": __name__, "_otel_breaker_exception": Exception, "_otel_breaker_no_key": no_key}
    function = FunctionType(code, names)
    defaults = {each.name: each.default for each in parameters if each.default is not Parameter.empty}
    keyword_only = {each.name for each in parameters if each.kind is Parameter.KEYWORD_ONLY}
    function.__defaults__ = tuple(default for name, default in defaults.items() if name not in keyword_only)
    function.__kwdefaults__ = {name: default for name, default in defaults.items() if name in keyword_only}
    return function


def _values(part: TemplatePart) -> list[ast.expr]:
    text: list[ast.expr] = [ast.Constant(part.text)] if part.text else []
    if part.field is None:
        return text
    form = ast.JoinedStr([ast.Constant(part.form)]) if part.form else None
    conversion = ord(part.conversion) if part.conversion else _AS_IT_IS
    return [*text, ast.FormattedValue(_value(part.field), conversion, form)]


def _value(field: str) -> ast.expr:
    """The expression that a field stands for: a parameter, its attributes and items."""
    parameter, rest = formatter_field_name_split(field)
    value: ast.expr = _load(parameter)
    for is_attribute, name in rest:
        if is_attribute:
            value = ast.Attribute(value, name, ast.Load())
        else:
            value = ast.Subscript(value, ast.Constant(name), ast.Load())
    return value


def _load(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def _declaration(parameters: Sequence[Parameter]) -> ast.arguments:
    def of(kind: Any) -> list[ast.arg]:
        return [ast.arg(each.name) for each in parameters if each.kind is kind]

    keyword_only = of(Parameter.KEYWORD_ONLY)
    return ast.arguments(
        posonlyargs=of(Parameter.POSITIONAL_ONLY),
        args=of(Parameter.POSITIONAL_OR_KEYWORD),
        vararg=next(iter(of(Parameter.VAR_POSITIONAL)), None),
        kwonlyargs=keyword_only,
        kw_defaults=[None] * len(keyword_only),
        kwarg=next(iter(of(Parameter.VAR_KEYWORD)), None),
        defaults=[],
    )
