"""What the headers of a chat answer add to its body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from nexevo_async.models._common import Model
from nexevo_async.models.chat import INFO_HEADERS, ChatCompletion, NexevoInfo, Usage


def complete_from_headers(completion: ChatCompletion, headers: Mapping[str, str]) -> ChatCompletion:
    """
    Fill what the body left open from the headers of the same answer: the ``nexevo`` block and the usage.

    The body goes first. `completion` must be freshly decoded: it is filled in place, and `to_dict()` tells the
    filled values too, so that a stored answer keeps its generation id.
    """
    info = completion.nexevo
    if info.generation_id is None:
        _tell(info, "generation_id", headers)
    if info.model_used is None:
        _tell(info, "model_used", headers)
    if info.models_tried is None:
        _tell(info, "models_tried", headers)
    object.__setattr__(info, "_head", headers)
    whole = completion._raw
    if whole is not None and not whole.get("nexevo"):
        whole["nexevo"] = info.to_dict()
    told = completion.usage
    if told is None or told.prompt_tokens is None or told.completion_tokens is None:
        usage = _complete_usage(told, headers)
        if told is None and usage is not None:
            _fill(completion, "usage", usage, usage.to_dict())
    return completion


def info_from_headers(headers: Mapping[str, str]) -> NexevoInfo:
    """The ``nexevo`` block as far as the headers alone tell it, which is before a stream's first chunk."""
    return complete_from_headers(ChatCompletion(), headers).nexevo


def _tell(info: NexevoInfo, name: str, headers: Mapping[str, str]) -> None:
    text = headers.get(INFO_HEADERS[name])
    if text is not None:
        _fill(info, name, _names(text) if name == "models_tried" else text)


def _complete_usage(usage: Usage | None, headers: Mapping[str, str]) -> Usage | None:
    billed = {
        "prompt_tokens": _count(headers.get("x-usage-input-tokens")),
        "completion_tokens": _count(headers.get("x-usage-output-tokens")),
    }
    if not any(count is not None for count in billed.values()):
        return usage
    usage = usage or Usage()
    for name, count in billed.items():
        if count is not None and getattr(usage, name) is None:
            _fill(usage, name, count)
    if usage.total_tokens is None:
        _fill(usage, "total_tokens", (usage.prompt_tokens or 0) + (usage.completion_tokens or 0))
    return usage


def _fill(part: Model, name: str, value: Any, plain: Any = None) -> None:
    """Set a field of a freshly decoded model and of the JSON it was made from; `plain` where the two differ."""
    object.__setattr__(part, name, value)
    if part._raw is not None:
        part._raw[name] = value if plain is None else plain


def _count(text: str | None) -> int | None:
    """A number of tokens, or None: headers of gateways hold anything."""
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _names(text: str) -> list[str]:
    """Model names from a header: comma-separated, or a JSON array (the format is assumed, so both are read)."""
    if text.lstrip().startswith("["):
        try:
            return [str(name) for name in json.loads(text)]
        except ValueError:
            pass
    return [name for part in text.split(",") if (name := part.strip())]
