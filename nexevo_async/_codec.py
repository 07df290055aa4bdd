"""
JSON to models: fast first, and once more in detail when something does not fit.

The only module that knows cattrs. The careful path reads numbers as `Decimal` from their text, so that an amount that
was sent as a JSON number never passes through a binary float.
"""

from __future__ import annotations

import json
import math
import types
import typing
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs
import orjson

from nexevo_async._decoders import SCALARS, Decoder, Unexpected, decoder_for, is_model, list_decoder, strip_optional
from nexevo_async.models._common import WIRE, Model, declared

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

#: How many problems of one answer are told; an answer of another shape altogether has thousands.
MOST_PROBLEMS = 20


class Undecodable(ValueError):
    """
    Bytes that are not what the model declares.

    Attributes:
        problems: One line each: path and reason. Never a value, which might be a secret.
        is_json: Whether the bytes were JSON at all.
        data: The JSON as far as it could be read, else None.
    """

    def __init__(self, problems: tuple[str, ...], *, is_json: bool, data: Any = None) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems
        self.is_json = is_json
        self.data = data


def decode(body: bytes | str, into: type[T]) -> T:
    """
    Make a model (or a list of models, or plain JSON for `object`) from the bytes of an answer.

    Raises:
        Undecodable: It is not JSON, or not the shape that the model declares.
    """
    kind: Any = into
    try:
        made: T = _decoder(kind)(orjson.loads(body))
    except (Unexpected, KeyError, ValueError, RecursionError):
        return decode_carefully(body, into)
    return made


def decode_carefully(body: bytes | str, into: type[T]) -> T:
    """The same with amounts from the text of JSON numbers, and with the path of every problem."""
    try:
        data = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise Undecodable(("$: not JSON",), is_json=False) from None
    return structure(data, into)


def structure(data: Any, into: type[T]) -> T:
    """
    Make a model from JSON that is decoded already, such as a stored `to_dict()`.

    Raises:
        Undecodable: A documented field is missing or a value has the wrong type; all paths are named.
    """
    if into is object or into is Any:
        return typing.cast("T", data)
    from cattrs import transform_error  # the careful path alone needs cattrs, which costs 70 ms to import
    from cattrs.errors import BaseValidationError

    try:
        return _converter().structure(data, into)
    except BaseValidationError as error:
        problems = tuple(line.replace(" @ ", " at ") for line in transform_error(error, format_exception=_reason))
    except (Unexpected, KeyError, TypeError, ValueError, RecursionError) as error:
        problems = (f"{_reason(error, into)} at $",)
    # from None: the causes quote text of the answer
    raise Undecodable(tuple(_path_first(line) for line in problems[:MOST_PROBLEMS]), is_json=True, data=data) from None


#: Texts shorter than this (bytes) are copied out of orjson's buffer.
_SHORT: Final = 2048


def encode(value: Any) -> bytes:
    """
    JSON bytes of a request body; `Decimal` becomes a JSON number digit for digit.

    Raises:
        TypeError: Something in it has no JSON form; the message names the type.
    """
    try:
        text = orjson.dumps(value, _json_form)
    except TypeError:  # perhaps a key is no text; those are not allowed at once, because that takes twice the time
        text = orjson.dumps(value, _json_form, orjson.OPT_NON_STR_KEYS)
    if text.rfind(b"null") >= 0:  # from the right, Python searches four times as fast
        _refuse_lost_numbers(value)
    # orjson gives its buffer away as it is, 4 KB for the shortest text, and it would be kept while the call lasts.
    return bytes(memoryview(text)) if len(text) < _SHORT else text


def _refuse_lost_numbers(value: Any) -> None:
    """orjson writes NaN and infinity as null without a word; JSON has no form for them."""
    if isinstance(value, float) and not math.isfinite(value):
        raise TypeError(f"{value} has no JSON form")
    if isinstance(value, typing.Mapping):
        value = value.values()
    elif not isinstance(value, list | tuple):
        return
    for item in value:
        _refuse_lost_numbers(item)


def _json_form(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f"))
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, typing.Mapping):
        return dict(value)
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


@cache
def _decoder(into: Any) -> Decoder:
    if is_model(into):
        return decoder_for(into)
    if typing.get_origin(into) is list:
        return list_decoder(typing.get_args(into)[0])
    return lambda data: data


@cache
def _converter() -> Converter:
    from cattrs import Converter

    converter = Converter(detailed_validation=True)
    converter.register_structure_hook_factory(is_model, _careful)
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _exactly(kind))
    for scalar, read in SCALARS.items():
        converter.register_structure_hook(scalar, _scalar(read))
    converter.register_structure_hook_factory(_is_union, lambda kind: _optional(kind, converter))
    converter.register_structure_hook_func(_is(dict), _mapping)
    converter.register_structure_hook_factory(_is(list), lambda kind: _list_of(kind, converter))
    return converter


def _is_union(kind: Any) -> bool:
    return typing.get_origin(kind) in (typing.Union, types.UnionType)


def _is(container: type[Any]) -> typing.Callable[[Any], bool]:
    return lambda kind: kind is container or typing.get_origin(kind) is container


def _scalar(read: Decoder) -> typing.Callable[[Any, Any], Any]:
    return lambda value, _kind: read(value)


def _careful(cls: type[Any]) -> typing.Callable[[Any, Any], Any]:
    from cattrs.gen import make_dict_structure_fn, override

    renamed = {f.name: override(rename=f.metadata[WIRE]) for f in declared(cls) if WIRE in f.metadata}
    ours = {f.name: override(omit=True) for f in attrs.fields(cls) if f.name.startswith("_")}
    build = make_dict_structure_fn(cls, _converter(), _cattrs_include_init_false=False, **renamed, **ours)  # type: ignore[arg-type]  # overrides by name

    def structure_model(data: Any, kind: Any) -> Any:
        if data.__class__ is not dict:
            raise Unexpected("object")
        defaults = {f.metadata.get(WIRE, f.name) for f in declared(cls) if f.default is not attrs.NOTHING}
        made = build({key: value for key, value in data.items() if value is not None or key not in defaults}, kind)
        object.__setattr__(made, "_raw", data)
        return made

    return structure_model


def _exactly(kind: type[Any]) -> typing.Callable[[Any, Any], Any]:
    def check(value: Any, _kind: Any) -> Any:
        if value.__class__ is not kind:
            raise Unexpected(kind.__name__)
        return value

    return check


def _mapping(value: Any, _kind: Any) -> Any:
    if value.__class__ is not dict:
        raise Unexpected("object")
    return value


def _list_of(kind: Any, converter: Converter) -> typing.Callable[[Any, Any], Any]:
    from cattrs.cols import list_structure_factory

    build = list_structure_factory(kind, converter)

    def structure_list(value: Any, kind: Any) -> Any:
        if value.__class__ is not list:
            raise Unexpected("array")
        return build(value, kind)

    return structure_list


def _optional(kind: Any, converter: Converter) -> typing.Callable[[Any, Any], Any]:
    inner, nullable = strip_optional(kind)

    def structure_optional(value: Any, _kind: Any) -> Any:
        if nullable and (value is None or (value == "" and is_model(inner))):
            return None
        return value if inner is Any else converter.structure(value, inner)

    return structure_optional


_WORDS = {"str": "text", "int": "a whole number", "bool": "true or false", "object": "an object", "array": "an array"}


def _reason(error: BaseException, kind: Any = None) -> str:
    """What is wrong, without the value."""
    if isinstance(error, KeyError):
        return "missing"
    if isinstance(error, Unexpected) and error.args:
        return f"not {_WORDS.get(error.args[0], error.args[0])}"
    return f"not a valid {getattr(kind, '__name__', 'value')}"


def _path_first(line: str) -> str:
    reason, _, path = line.rpartition(" at ")
    return f"{path.removeprefix('$.') or '$'}: {reason}"
