"""``POST /v1/embeddings``: vectors of length one that depend on nothing but the text and the model."""

from __future__ import annotations

import base64
import hashlib
import math
from array import array
from typing import Any

import orjson
from aiohttp import web

from nexevo_async.sandbox.chat_request import read_object, refuse
from nexevo_async.sandbox.generate import count_tokens
from nexevo_async.sandbox.models_catalog import model_not_found, resolve
from nexevo_async.sandbox.routing import PRINCIPAL, STORE, RouteSpec, json_answer, new_generation_id
from nexevo_async.sandbox.spending import check_may_spend, record_usage

#: Length of the vectors when the caller wants none in particular.
DIMENSIONS = {"text-embedding-3-large": 3072}
_DEFAULT_DIMENSIONS = 1536
_MOST_INPUTS = 2048


async def create(request: web.Request) -> web.Response:
    """Embed one text, several texts, or texts given as token numbers."""
    data = read_object(await request.read())
    name = data.get("model")
    if not isinstance(name, str) or not name:
        raise refuse("model", "is required and must be a string")
    found = resolve(name)
    if found is None or found.model.kind != "embedding":
        raise model_not_found(name)
    inputs = _inputs(data.get("input"))
    as_base64 = _as_base64(data.get("encoding_format"))
    dimensions = _dimensions(data.get("dimensions"), DIMENSIONS.get(found.model.id, _DEFAULT_DIMENSIONS))
    tokens = sum(len(item) if isinstance(item, list) else count_tokens(item) for item in inputs)
    store, cost = request.app[STORE], found.model.cost(tokens, 0)
    check_may_spend(store, request[PRINCIPAL], model=found.asked, estimate=cost)
    vectors = [vector(found.model.id, item, dimensions) for item in inputs]
    generation_id = new_generation_id()
    record_usage(
        store,
        request[PRINCIPAL],
        generation_id=generation_id,
        model=found.model.id,
        priced_as=found.asked,
        tier=found.tier,
        prompt_tokens=tokens,
        completion_tokens=0,
        cost=cost,
        conversation_id=None,
    )
    body = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": number, "embedding": _encoded(item, as_base64=as_base64)}
            for number, item in enumerate(vectors)
        ],
        "model": found.model.id,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }
    headers = {"X-Usage-Input-Tokens": str(tokens), "X-Usage-Output-Tokens": "0"}
    return json_answer(body, headers={**headers, "X-Nexevo-Generation-Id": generation_id})


def vector(model: str, item: str | list[int], dimensions: int) -> array[float]:
    """A direction of length one, drawn from the hash of model and text."""
    text = orjson.dumps([model, item])
    raw = array("h", hashlib.shake_256(text).digest(2 * dimensions))
    length = math.sqrt(sum(value * value for value in raw)) or 1.0
    return array("f", (value / length for value in raw))


def _encoded(item: array[float], *, as_base64: bool) -> Any:
    return base64.b64encode(item.tobytes()).decode() if as_base64 else item.tolist()


def _inputs(value: Any) -> list[str | list[int]]:
    if isinstance(value, str) and value:
        return [value]
    if not isinstance(value, list) or not value or len(value) > _MOST_INPUTS:
        raise refuse("input", f"must be a text that is not empty, or a list of 1 to {_MOST_INPUTS} of them")
    if all(_is_token(item) for item in value):
        return [value]
    for number, item in enumerate(value):
        texts = isinstance(item, str) and item
        if not texts and not (isinstance(item, list) and item and all(_is_token(token) for token in item)):
            raise refuse("input", f"item {number} must be a text that is not empty, or a list of token numbers")
    return value


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _as_base64(value: Any) -> bool:
    if value not in (None, "float", "base64"):
        raise refuse("encoding_format", "must be float or base64")
    return bool(value == "base64")


def _dimensions(value: Any, default: int) -> int:
    if value is None:
        return default
    if not _is_token(value) or not 1 <= value <= default:
        raise refuse("dimensions", f"must be a whole number from 1 to {default}")
    return int(value)


def routes() -> list[RouteSpec]:
    """The embedding call."""
    return [RouteSpec("embeddings.create", "POST", "/v1/embeddings", "key", create)]
