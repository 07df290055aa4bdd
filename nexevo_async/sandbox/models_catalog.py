"""The models that the sandbox knows, with tier and price, and how a name becomes one of them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

import attrs
from aiohttp import web

from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.routing import RouteSpec, json_answer

Tier = Literal["fast", "balanced", "passthrough", "byok"]

_MILLION = Decimal(1_000_000)

#: Release day of every model in the catalog, as the `created` of the OpenAI layout (2025-01-01).
_CREATED = 1_735_689_600


@attrs.frozen(kw_only=True)
class Model:
    """
    One model of the catalog.

    Attributes:
        id: Name under which it is asked for.
        prompt_price: USD per million prompt tokens.
        completion_price: USD per million completion tokens.
        kind: What it does, ``chat`` or ``embedding``.
        down: Whether its upstream always fails, so that a fallback can be seen.
        collects_data: Whether its provider keeps prompts; left out under ``provider.data_collection: deny``.
        echo: Whether it answers with the last user message and nothing else.
    """

    id: str
    prompt_price: Decimal
    completion_price: Decimal
    kind: Literal["chat", "embedding"] = "chat"
    down: bool = False
    collects_data: bool = False
    echo: bool = False

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Decimal:
        """USD for so many tokens, exact."""
        return (self.prompt_price * prompt_tokens + self.completion_price * completion_tokens) / _MILLION

    def to_dict(self) -> dict[str, Any]:
        """The model in the OpenAI layout, with prices as decimal strings."""
        owner, _, _ = self.id.rpartition("/")
        return {
            "id": self.id,
            "object": "model",
            "created": _CREATED,
            "owned_by": owner or "nexevo-sandbox",
            "pricing": {"prompt": str(self.prompt_price), "completion": str(self.completion_price)},
        }


def _chat(name: str, prompt: str, completion: str, **more: Any) -> Model:
    return Model(id=name, prompt_price=Decimal(prompt), completion_price=Decimal(completion), **more)


def _embedding(name: str, price: str) -> Model:
    return Model(id=name, prompt_price=Decimal(price), completion_price=Decimal(0), kind="embedding")


#: Prices are plausible, not current: the sandbox never speaks to the models behind these names.
CATALOG: dict[str, Model] = {
    model.id: model
    for model in (
        _chat("gpt-4o-mini", "0.15", "0.60"),
        _chat("gpt-4o", "2.50", "10.00"),
        _chat("gpt-4.1", "2.00", "8.00"),
        _chat("gpt-4.1-mini", "0.40", "1.60"),
        _chat("gpt-4", "30.00", "60.00"),
        _chat("gpt-3.5-turbo", "0.50", "1.50"),
        _chat("claude-sonnet-4-5", "3.00", "15.00"),
        _chat("claude-haiku-4-5", "1.00", "5.00"),
        _chat("gemini-2.5-flash", "0.30", "2.50"),
        _chat("gemini-2.5-pro", "1.25", "10.00"),
        _chat("deepseek-chat", "0.27", "1.10", collects_data=True),
        _chat("qwen-plus", "0.40", "1.20"),
        _chat("byok/gpt-4o", "0", "0"),
        _chat("sandbox/echo", "0.10", "0.10", echo=True),
        _chat("sandbox/down", "0.10", "0.10", down=True),
        _embedding("text-embedding-3-small", "0.02"),
        _embedding("text-embedding-3-large", "0.13"),
        _embedding("text-embedding-ada-002", "0.10"),
    )
}

#: Alias → (tier, model without a preference). `auto` picks by itself and is billed in the tier of its pick.
ALIASES: dict[str, tuple[Tier, str]] = {
    "nexevo/fast": ("fast", "gpt-4o-mini"),
    "nexevo/balanced": ("balanced", "gpt-4.1"),
    "nexevo/auto": ("balanced", "gpt-4.1"),
    "nexevo-auto": ("balanced", "gpt-4.1"),
}

#: What a suffix does to an alias; on a plain model it is accepted and changes nothing.
PREFERENCES: dict[str, tuple[Tier, str]] = {
    "fast": ("fast", "gpt-4o-mini"),
    "cheap": ("fast", "gpt-4o-mini"),
    "quality": ("balanced", "claude-sonnet-4-5"),
}


@attrs.frozen
class Resolved:
    """
    A name made out.

    Attributes:
        asked: The name as asked for, without a preference suffix; sub-account prices go by it.
        model: The model that will answer.
        tier: The tier it is billed in.
    """

    asked: str
    model: Model
    tier: Tier


def resolve(name: str) -> Resolved | None:
    """The chat or embedding model behind a name, alias or either with a preference; None if there is no such model."""
    asked, _, suffix = name.rpartition(":")
    if suffix not in PREFERENCES or not asked:
        asked, suffix = name, ""
    if asked in ALIASES:
        tier, target = PREFERENCES[suffix] if suffix else ALIASES[asked]
        return Resolved(asked, CATALOG[target], tier)
    if (model := CATALOG.get(asked)) is None:
        return None
    return Resolved(asked, model, "byok" if asked.startswith("byok/") else "passthrough")


def model_not_found(name: str) -> ApiError:
    """The refusal of a name that no model has."""
    message = f"The model {name!r} does not exist. GET /v1/models lists the models of this sandbox."
    return ApiError(404, "model_not_found", message, type="invalid_request_error", param="model")


def _listed() -> Iterable[dict[str, Any]]:
    for alias in ALIASES:
        yield {"id": alias, "object": "model", "created": _CREATED, "owned_by": "nexevo"}
    yield from (model.to_dict() for model in CATALOG.values())


async def list_models(request: web.Request) -> web.Response:
    """``GET /v1/models``: aliases first, then the catalog."""
    return json_answer({"object": "list", "data": list(_listed())})


async def get_model(request: web.Request) -> web.Response:
    """``GET /v1/models/{id}``; 404 for a name that nothing answers to."""
    name = request.match_info["model"]
    for model in _listed():
        if model["id"] == name:
            return json_answer(model)
    raise model_not_found(name)


def routes() -> list[RouteSpec]:
    """The model calls. The id may hold a slash, sent as it is or percent-encoded."""
    return [
        RouteSpec("models.list", "GET", "/v1/models", "key", list_models),
        RouteSpec("models.get", "GET", "/v1/models/{model:.+}", "key", get_model),
    ]
