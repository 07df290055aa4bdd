"""
Functions that turn decoded JSON into models, written once per class at first use.

A generated function is a straight line of look-ups and checks without loops over fields: on the path of every answer
that is what a reader of the benchmark would write by hand. Whatever it does not like makes it raise `Unexpected`
without a word; `_codec` then goes over the same answer again with cattrs, slowly, to say exactly what is wrong, or to
read what needs exact text (amounts that came as JSON numbers).
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

import attrs

from nexevo_async.models._common import WIRE, Model, declared

Decoder = Callable[[Any], Any]


class Unexpected(Exception):
    """The value is not what the model declares, or needs the careful path."""


def money(value: Any) -> Decimal:
    """An amount from its text; a binary float is not good enough and is left to the exact path."""
    if value.__class__ is str or value.__class__ is int or value.__class__ is Decimal:
        try:
            amount = Decimal(value)
        except InvalidOperation:
            raise Unexpected from None
        if amount.is_finite():
            return amount
    raise Unexpected


def timestamp(value: Any) -> datetime:
    """ISO 8601 text, or seconds since 1970, as an aware moment; text without an offset is taken as UTC."""
    try:
        if value.__class__ is str:
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        if value.__class__ is int or value.__class__ is float or value.__class__ is Decimal:
            return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise Unexpected


def number(value: Any) -> float:
    """A JSON number as float."""
    if value.__class__ is float or value.__class__ is int or value.__class__ is Decimal:
        return float(value)
    raise Unexpected


#: Conversions for types that are not taken as they come.
SCALARS: dict[Any, Decoder] = {Decimal: money, datetime: timestamp, float: number}
#: Types that are taken as they come, if they are exactly this.
EXACT = (str, int, bool, dict)


@cache
def decoder_for(cls: Any) -> Decoder:
    """The function that makes a `cls` from a decoded JSON object."""
    names: dict[str, Any] = {"Unexpected": Unexpected, "cls": cls, "draft": _draft(cls)}
    lines = [
        "def decode(data):",
        "    if type(data) is not dict: raise Unexpected",
        "    made = draft()",
        "    made._raw = data",
        "    made._head = None",
        "    get = data.get",
    ]
    hints = typing.get_type_hints(cls)
    for index, field in enumerate(declared(cls)):
        lines += _field_lines(field, hints[field.name], index, names)
    lines += ["    made.__class__ = cls", "    return made"]
    exec("\n".join(lines), names)  # noqa: S102 - the text is made of field names of our own classes
    decode: Decoder = names["decode"]
    return decode


def _draft(cls: type[Any]) -> type[Any]:
    """A twin of a model with the same slots, made and filled at full speed; once full, it becomes the model."""
    quick = {"__slots__": (), "__init__": object.__init__, "__setattr__": object.__setattr__}
    return type(cls.__name__, (cls,), quick)


def _field_lines(field: attrs.Attribute[Any], hint: Any, index: int, names: dict[str, Any]) -> list[str]:
    key = field.metadata.get(WIRE, field.name)
    inner, nullable = strip_optional(hint)
    convert = _converter_code(inner, f"c{index}", names)
    required = field.default is attrs.NOTHING
    lines = [f"    value = {f'data[{key!r}]' if required and not nullable else f'get({key!r})'}"]
    if required and not nullable:
        return [*lines, *convert("    "), f"    made.{field.name} = value"]
    if nullable or required:
        return [
            *lines,
            # Some services write "nothing" as empty text where an object belongs.
            "    if value == '': value = None" if is_model(inner) else "",
            "    if value is not None:",
            *(convert("        ") or ["        pass"]),
            f"    made.{field.name} = value",
        ]
    names[f"d{index}"] = field.default
    fallback = f"d{index}.factory()" if isinstance(field.default, attrs.Factory) else f"d{index}"  # type: ignore[arg-type]  # attrs types its Factory as a function
    return [
        *lines,
        f"    if value is None: value = {fallback}",
        "    else:",
        *(convert("        ") or ["        pass"]),
        f"    made.{field.name} = value",
    ]


def _converter_code(kind: Any, name: str, names: dict[str, Any]) -> Callable[[str], list[str]]:
    """Lines that check or convert `value` in place, for a given indentation."""
    if kind is Any or kind is object:
        return lambda _indent: []
    if kind in EXACT or typing.get_origin(kind) is dict:
        names[name] = typing.get_origin(kind) or kind
        return lambda indent: [f"{indent}if type(value) is not {name}: raise Unexpected"]
    if typing.get_origin(kind) is list:
        item = typing.get_args(kind)[0]
        if is_model(item):
            names[name] = _later(item, name, names)
            return lambda indent: [
                f"{indent}if type(value) is not list: raise Unexpected",
                f"{indent}value = [*map({name}, value)]",
            ]
        names[name] = list_decoder(item)
    elif is_model(kind):
        names[name] = _later(kind, name, names)
    else:
        names[name] = SCALARS[kind]
    return lambda indent: [f"{indent}value = {name}(value)"]


def list_decoder(item: Any) -> Decoder:
    """A function that makes a list of items; lists of plain JSON values are taken as they come."""
    if is_model(item):
        decode = decoder_for(item)

        def models(value: Any) -> Any:
            if type(value) is not list:
                raise Unexpected
            return [*map(decode, value)]

        return models
    inner, nullable = strip_optional(item)
    allowed: tuple[type[Any], ...] = (
        (float, int) if inner is float else () if inner is Any else (typing.get_origin(inner) or inner,)
    )
    allowed += (types.NoneType,) if nullable and allowed else ()

    def plain(value: Any) -> Any:
        if type(value) is not list:
            raise Unexpected
        if allowed and not {entry.__class__ for entry in value}.issubset(allowed):
            raise Unexpected
        return value

    return plain


def _later(cls: Any, name: str, names: dict[str, Any]) -> Decoder:
    """The decoder of a class, made when first needed, as models may contain one another; then it stands in `names`."""

    def decode(value: Any) -> Any:
        names[name] = decoder_for(cls)
        return names[name](value)

    return decode


@cache
def is_model(kind: Any) -> bool:
    """Whether a type is a model."""
    return isinstance(kind, type) and issubclass(kind, Model)


def strip_optional(hint: Any) -> tuple[Any, bool]:
    """A type without its None, and whether None was allowed. Literals count as their text: enums are open."""
    nullable = False
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        members = [member for member in typing.get_args(hint) if member is not types.NoneType]
        nullable = len(members) != len(typing.get_args(hint))
        # `Literal["a", "b"] | str` is how an open enum is written: text, of which some values are known.
        members = [member for member in members if typing.get_origin(member) is not typing.Literal]
        hint = members[0] if len(members) == 1 else Any
    return hint, nullable
