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
from typing import Any, Final

import attrs

from nexevo_async.models._common import WIRE, Model, declared

Decoder = Callable[[Any], Any]

#: Models within models that are written out in place; deeper ones, and those that contain themselves, are called.
_DEEPEST: Final = 2


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
    writer = _Writer()
    text = ["def decode(data0):", *_indented(writer.model(cls, 0)), "    return made0"]
    exec("\n".join(text), writer.names)  # noqa: S102 - the text is made of field names of our own classes
    decode: Decoder = writer.names["decode"]
    return decode


class _Writer:
    """
    Writes the text of one decoder.

    A model that is always part of another one is written out in place; one that may be missing gets a function of its
    own, at first use.

    Attributes:
        names: What the text refers to.
    """

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"Unexpected": Unexpected}

    def model(self, cls: Any, depth: int) -> list[str]:
        """Lines that make a `cls`, called ``made1`` at depth 1, from ``data1``."""
        data, made = f"data{depth}", f"made{depth}"
        lines = [
            f"if type({data}) is not dict: raise Unexpected",
            f"{made} = {self._name(draft_of(cls))}()",
            f"{made}._raw = {data}",
            f"{made}._head = None",
        ]
        hints = typing.get_type_hints(cls)
        for field in declared(cls):
            lines += self._field(field, hints[field.name], depth)
        return [*lines, f"{made}.__class__ = {self._name(cls)}"]

    def _field(self, field: attrs.Attribute[Any], hint: Any, depth: int) -> list[str]:
        key, target = field.metadata.get(WIRE, field.name), f"made{depth}.{field.name}"
        inner, nullable = strip_optional(hint)
        if field.default is attrs.NOTHING and not nullable:
            return [f"value = data{depth}[{key!r}]", *self._always(inner, target, depth)]
        lines = [f"value = data{depth}.get({key!r})"]
        if nullable:
            return [*lines, *self._perhaps(inner), f"{target} = value"]
        default = self._name(field.default)
        missing = f"{default}.factory()" if isinstance(field.default, attrs.Factory) else default  # type: ignore[arg-type]  # attrs types its Factory as a function
        return [
            *lines,
            f"if value is None: {target} = {missing}",
            "else:",
            *_indented(self._always(inner, target, depth)),
        ]

    def _always(self, kind: Any, target: str, depth: int) -> list[str]:
        """Lines that check or convert a `value` that must be there, and put it into its place."""
        inside = depth + 1
        if is_model(kind) and inside <= _DEEPEST:
            return [f"data{inside} = value", *self.model(kind, inside), f"{target} = made{inside}"]
        item = typing.get_args(kind)[0] if typing.get_origin(kind) is list else None
        if not is_model(item) or inside > _DEEPEST:
            return [*self._plain(kind), f"{target} = value"]
        return [
            "if type(value) is not list: raise Unexpected",
            f"{target} = items{inside} = []",
            f"for data{inside} in value:",
            *_indented([*self.model(item, inside), f"items{inside}.append(made{inside})"]),
        ]

    def _perhaps(self, kind: Any) -> list[str]:
        """Lines that check or convert a `value` if it is there."""
        lines = ["if value is not None:", *(_indented(self._plain(kind)) or ["    pass"])]
        if is_model(kind):
            # Some services write "nothing" as empty text where an object belongs.
            lines = ["if value is not None and value != '':", *lines[1:], "else: value = None"]
        return lines

    def _plain(self, kind: Any) -> list[str]:
        """Lines that check or convert `value` in place."""
        if kind is Any or kind is object:
            return []
        origin = typing.get_origin(kind) or kind
        if origin in EXACT:
            return [f"if type(value) is not {self._name(origin)}: raise Unexpected"]
        name = f"n{len(self.names)}"
        if is_model(kind):
            self.names[name] = _later(kind, name, self.names)
        else:
            self.names[name] = list_decoder(typing.get_args(kind)[0]) if origin is list else SCALARS[kind]
        return [f"value = {name}(value)"]

    def _name(self, value: Any) -> str:
        name = f"n{len(self.names)}"
        self.names[name] = value
        return name


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def draft_of(cls: type[Any]) -> type[Any]:
    """A twin of a model with the same slots, made and filled at full speed; once full, it becomes the model."""
    quick = {"__slots__": (), "__init__": object.__init__, "__setattr__": object.__setattr__}
    return type(cls.__name__, (cls,), quick)


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
