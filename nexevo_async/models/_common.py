"""What every model shares: attribute and mapping access to one answer, money as `Decimal`, secrets out of the repr."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, dataclass_transform

import attrs

from nexevo_async.models.limits import RateLimits, read_limits

if TYPE_CHECKING:
    from nexevo_async._headers import Headers

T = TypeVar("T")

#: Key of the attrs metadata that holds the name of a field on the wire, where it differs from the attribute.
WIRE: Final = "wire"


def wire(name: str, *, default: Any = attrs.NOTHING, repr: bool = True) -> Any:  # noqa: A002 - attrs' own word
    """A field that is called `name` in the JSON."""
    return attrs.field(default=default, repr=repr, metadata={WIRE: name})


def secret(*, default: Any = attrs.NOTHING) -> Any:
    """A field that holds a secret and never appears in a repr."""
    return attrs.field(default=default, repr=False)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(attrs.field, wire, secret))
def model(cls: type[T]) -> type[T]:
    """
    Make a class a model: slotted, keyword-only, read-only.

    `attrs.frozen` would pay `object.__setattr__` for every field of every answer; a frozen face costs nothing where
    the codec builds the objects (`benchmarks/bench_decode.py` has the figures).
    """
    return attrs.define(slots=True, kw_only=True, eq=False, repr=False, on_setattr=attrs.setters.frozen)(cls)


@model
class Model(Mapping[str, Any]):
    """
    One JSON object of the service, readable as attributes and as a read-only mapping.

    `obj.x` and `obj["x"]` are the same value for every declared field; a declared field that did not arrive is None.
    `in`, iteration, `len`, `get` and `to_dict` speak of what really arrived, so null and absent can be told apart:
    ``"title" in obj`` is True for null and False for absent. Unknown fields are kept: ``obj["new"]``, ``obj.extra``.

    Two models, or a model and a dict, are equal when they hold the same items. Models can be pickled and copied;
    `attrs.evolve` makes changed copies.

    .. versionadded:: 0.1.0
    """

    _raw: dict[str, Any] | None = attrs.field(default=None, alias="_raw", repr=False)
    _head: Any = attrs.field(default=None, init=False, repr=False)  # Headers, which live above the models

    def __attrs_post_init__(self) -> None:
        # Built by hand or by evolve: the attributes are the truth, of the old JSON only unknown fields live on.
        if self._raw is not None:
            known = _attributes(type(self))
            object.__setattr__(self, "_raw", {key: value for key, value in self._raw.items() if key not in known})

    @property
    def extra(self) -> Mapping[str, Any]:
        """Fields that arrived and are not declared here, as a read-only mapping."""
        known = _attributes(type(self))
        return MappingProxyType({key: value for key, value in (self._raw or {}).items() if key not in known})

    @property
    def headers(self) -> Headers | None:
        """Headers of the answer; None for parts of an answer and for objects made by hand."""
        head: Headers | None = self._head
        return head

    @property
    def trace_id(self) -> str | None:
        """The id to quote to support (`X-Trace-ID`), or None if this is only a part of an answer."""
        return None if self._head is None else self._head.get("x-trace-id")

    @property
    def limits(self) -> RateLimits | None:
        """The rate limit as the answer told it, or None if it told nothing."""
        return None if self._head is None else read_limits(self._head)

    def to_dict(self) -> dict[str, Any]:
        """
        The JSON object again: what arrived, unknown fields and nulls included, as it was written on the wire.

        Amounts are the strings (or exact `Decimal` numbers) of the answer. The copy is deep: changing it changes
        nothing here.
        """
        raw = copy.deepcopy(self._raw) if self._raw else {}
        for name, attribute in _wire_names(type(self)).items():
            if name not in raw and (value := getattr(self, attribute)) is not None:
                raw[name] = _plain(value)
        return raw

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a field that arrived (null included), else the default."""
        if key not in self:
            return default
        return self[key]

    def __getitem__(self, key: str) -> Any:
        attribute = _attributes(type(self)).get(key)
        if attribute is not None:
            return getattr(self, attribute)
        if self._raw is not None and key in self._raw:
            return self._raw[key]
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        if self._raw is not None and key in self._raw:
            return True
        attribute = _attributes(type(self)).get(key) if isinstance(key, str) else None
        return attribute is not None and getattr(self, attribute) is not None

    def __iter__(self) -> Iterator[str]:
        raw = self._raw or {}
        yield from raw
        for name, attribute in _wire_names(type(self)).items():
            if name not in raw and getattr(self, attribute) is not None:
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        shown = [f"{name}={value!r}" for name in _shown(type(self)) if (value := getattr(self, name)) is not None]
        # Values nobody has declared might be secrets: their names are shown, and no more.
        shown += [f"{name}=…" for name in self.extra]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self._values()))

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return _rebuild(type(self), copy.deepcopy(self._values(), memo))

    def _values(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in _fields(type(self))}


def attach_head(answer: object, head: Headers) -> None:
    """Give an answer, a model, the headers it came with."""
    object.__setattr__(answer, "_head", head)


def _rebuild(cls: type[T], values: dict[str, Any]) -> T:
    made = object.__new__(cls)
    for name, value in values.items():
        object.__setattr__(made, name, value)
    return made


@cache
def _wire_names(cls: Hashable) -> dict[str, str]:
    """Name on the wire to attribute, in the order of declaration."""
    return {field.metadata.get(WIRE, field.name): field.name for field in declared(cls)}


@cache
def _attributes(cls: Hashable) -> dict[str, str]:
    """Every name a field answers to: its attribute and its name on the wire."""
    return {field.name: field.name for field in declared(cls)} | _wire_names(cls)


@cache
def _shown(cls: Hashable) -> tuple[str, ...]:
    return tuple(field.name for field in declared(cls) if field.repr)


def declared(cls: Any) -> tuple[attrs.Attribute[Any], ...]:
    """The fields of a model that stand for JSON, without our own bookkeeping."""
    return tuple(field for field in _fields(cls) if not field.name.startswith("_"))


def _fields(cls: Any) -> tuple[attrs.Attribute[Any], ...]:
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cls)
    return fields


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
