"""
Ways of turning JSON into objects, all from one schema, so that every library builds the same fields.

Each entry of `DECODERS` takes the name of a payload and gives the function that is timed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from types import GenericAlias
from typing import Any

from benchmarks.peers import OURS, Decoder

# Class → field → type. A name in this table means that class, `[name]` a list of it; every field of text may be null.
_SCHEMA: dict[str, dict[str, Any]] = {
    "Usage": {"prompt_tokens": int, "completion_tokens": int, "total_tokens": int},
    "Nexevo": {"generation_id": str, "model_used": str, "tier": str, "cost_usd": Decimal},
    "Message": {"role": str, "content": str, "refusal": str},
    "Choice": {"index": int, "message": "Message", "finish_reason": str},
    "Chat": {
        "id": str, "object": str, "created": int, "model": str, "system_fingerprint": str,
        "choices": ["Choice"], "usage": "Usage", "nexevo": "Nexevo",
    },
    "Delta": {"role": str, "content": str},
    "ChunkChoice": {"index": int, "delta": "Delta", "finish_reason": str},
    "Chunk": {"id": str, "object": str, "created": int, "model": str, "choices": ["ChunkChoice"]},
    "Pricing": {"model": str, "pricing_factor": Decimal},
    "SubAccount": {
        "id": int, "user_id": int, "token": str, "token_type": str, "alias": str, "enabled": bool,
        "model_pricing": ["Pricing"], "balance": Decimal, "monthly_cost": Decimal,
        "created_at": datetime, "updated_at": datetime,
    },
    "Page": {"items": ["SubAccount"], "total": int, "page": int, "pageSize": int},
}  # fmt: skip
_PAYLOAD = {"chunk": "Chunk", "chat_1k": "Chat", "chat_20k": "Chat", "list_200": "Page"}


def _build(payload: str, make: Callable[[str, dict[str, Any]], type[Any]]) -> type[Any]:
    """The class of a payload, made bottom-up by a library's own class factory."""
    made: dict[str, type[Any]] = {}

    def resolve(kind: Any) -> Any:
        if isinstance(kind, list):
            return GenericAlias(list, (made[kind[0]],))
        if isinstance(kind, str):
            return made[kind]
        return str | None if kind is str else kind

    for name, fields in _SCHEMA.items():
        made[name] = make(name, {field: resolve(kind) for field, kind in fields.items()})
    return made[_PAYLOAD[payload]]


def _ours(payload: str) -> Callable[[bytes], object]:
    from nexevo_async import _codec, pagination
    from nexevo_async.models.chat import ChatCompletion, ChatCompletionChunk
    from nexevo_async.models.sub_accounts import SubAccount

    if payload == "list_200":
        return lambda data: pagination.decode_page(data, SubAccount)
    model: Any = ChatCompletionChunk if payload == "chunk" else ChatCompletion
    return lambda data: _codec.decode(data, model)


def _orjson(_: str) -> Callable[[bytes], object]:
    import orjson

    loads: Callable[[bytes], object] = orjson.loads
    return loads


def _json(_: str) -> Callable[[bytes], object]:
    return json.loads


def _cattrs(payload: str) -> Callable[[bytes], object]:
    import attrs
    import orjson
    from cattrs import Converter

    def make(name: str, fields: dict[str, Any]) -> type[Any]:
        optional = {key: attrs.field(default=None, type=kind) for key, kind in fields.items()}
        made: type[Any] = attrs.make_class(name, optional, kw_only=True)
        return made

    converter = Converter()
    converter.register_structure_hook(Decimal, lambda value, _: Decimal(value))
    converter.register_structure_hook(datetime, lambda value, _: datetime.fromisoformat(value))
    model = _build(payload, make)
    return lambda data: converter.structure(orjson.loads(data), model)


def _msgspec(payload: str) -> Callable[[bytes], object]:
    import msgspec

    decoder = msgspec.json.Decoder(
        _build(payload, lambda name, fields: msgspec.defstruct(name, [(k, v, None) for k, v in fields.items()]))
    )
    decode: Callable[[bytes], object] = decoder.decode
    return decode


def _pydantic(payload: str) -> Callable[[bytes], object]:
    import pydantic

    keep = pydantic.ConfigDict(extra="allow")  # unknown fields kept, as ours keeps them

    def make(name: str, fields: dict[str, Any]) -> type[Any]:
        optional: dict[str, Any] = {key: (kind, None) for key, kind in fields.items()}
        made: type[Any] = pydantic.create_model(name, __config__=keep, **optional)
        return made

    model: Any = _build(payload, make)
    validate: Callable[[bytes], object] = model.model_validate_json
    return validate


def _openai(payload: str) -> Callable[[bytes], object]:
    """What that SDK does with an answer: `json.loads`, then its own lenient construction."""
    import openai
    import pydantic
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

    def make(name: str, fields: dict[str, Any]) -> type[Any]:
        optional: dict[str, Any] = {key: (kind, None) for key, kind in fields.items()}
        return pydantic.create_model(name, __base__=openai.BaseModel, **optional)

    known: dict[str, Any] = {"Chunk": ChatCompletionChunk, "Chat": ChatCompletion}
    model = known.get(_PAYLOAD[payload]) or _build(payload, make)
    return lambda data: model.construct(**json.loads(data))


DECODERS: dict[str, Decoder] = {
    OURS: _ours,
    "orjson to dicts": _orjson,
    "json to dicts": _json,
    "orjson + cattrs": _cattrs,
    "msgspec to structs": _msgspec,
    "pydantic validate_json": _pydantic,
    "openai construct": _openai,
}
