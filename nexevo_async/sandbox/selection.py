"""Which model answers a chat: fallback list, price ceiling and data policy, decided before anything is generated."""

from __future__ import annotations

import attrs

from nexevo_async.sandbox.chat_request import ChatRequest, refuse
from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.generate import digest
from nexevo_async.sandbox.models_catalog import CATALOG, Resolved, model_not_found, resolve

#: What `auto` chooses from; the conversation, or else the first message, decides.
_AUTO = ("gpt-4.1", "gpt-4o", "claude-haiku-4-5")


@attrs.frozen
class Selection:
    """
    The outcome.

    Attributes:
        chosen: The model that answers.
        tried: Names in the order they were tried, the chosen one last.
    """

    chosen: Resolved
    tried: tuple[str, ...]


def select(wanted: ChatRequest, prompt_tokens: int) -> Selection:
    """
    Take the first model of the list that exists, fits the caller's limits and is not down.

    Raises:
        ApiError: 404 if no name is a chat model; 400 if none fits the price ceiling or the data policy; 502 if all
            that fit are down.
    """
    known = {name: found for name in wanted.names if (found := _chat_model(name, wanted)) is not None}
    if not known:
        raise model_not_found(wanted.names[0])
    allowed = {
        name: found for name, found in known.items() if not (wanted.deny_collection and found.model.collects_data)
    }
    if not allowed:
        raise refuse("provider", "no model fits: every one asked for keeps prompts", code="no_model_fits_provider")
    fitting = {name: found for name, found in allowed.items() if _affordable(found, wanted, prompt_tokens)}
    if not fitting:
        raise refuse("max_price", "no model fits under the ceiling", code="no_model_fits_max_price")
    tried: list[str] = []
    for name in wanted.names:
        if name in known and name not in fitting:
            continue  # ruled out by the caller's own limits, so never tried
        found = fitting.get(name)
        tried.append(found.model.id if found else name)
        if found and not found.model.down:
            return Selection(found, tuple(tried))
    message = f"The upstream of {', '.join(tried)} failed. The gateway has already tried again; try another model."
    raise ApiError(502, "upstream_error", message, headers={"X-Nexevo-Models-Tried": ",".join(tried)})


def _chat_model(name: str, wanted: ChatRequest) -> Resolved | None:
    found = resolve(name)
    if found is None or found.model.kind != "chat":
        return None
    if name in ("nexevo/auto", "nexevo-auto"):
        anchor = wanted.conversation_id or wanted.messages[0].get("content")
        return attrs.evolve(found, model=CATALOG[_AUTO[digest(anchor) % len(_AUTO)]])
    return found


def _affordable(found: Resolved, wanted: ChatRequest, prompt_tokens: int) -> bool:
    ceiling, model = wanted.max_price, found.model
    most = model.cost(prompt_tokens, (wanted.limit or 0) * wanted.n)
    return (
        model.prompt_price <= ceiling.get("prompt", model.prompt_price)
        and model.completion_price <= ceiling.get("completion", model.completion_price)
        and most <= ceiling.get("total", most)
    )
