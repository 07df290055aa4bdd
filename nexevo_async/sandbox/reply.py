"""A whole chat answer, worked out before the first byte leaves: what is said, how it ends, how many tokens it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import orjson

from nexevo_async.sandbox import generate
from nexevo_async.sandbox.chat_request import ChatRequest
from nexevo_async.sandbox.models_catalog import Model

FinishReason = Literal["stop", "length", "tool_calls"]


@attrs.frozen
class ToolCall:
    """One call of a function: its id, the function's name, and the arguments as JSON text."""

    id: str
    name: str
    arguments: str

    def to_dict(self) -> dict[str, Any]:
        """The call in the OpenAI layout."""
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


@attrs.frozen
class Choice:
    """
    One of the `n` answers.

    Attributes:
        tokens: What is said, token by token; empty when functions are called instead.
        calls: The functions to call.
        finish_reason: How it ends.
    """

    tokens: tuple[str, ...]
    calls: tuple[ToolCall, ...]
    finish_reason: FinishReason

    @property
    def token_count(self) -> int:
        """Completion tokens of this answer; a call costs one for its name, and its arguments."""
        return len(self.tokens) + sum(1 + generate.count_tokens(call.arguments) for call in self.calls)

    def message(self) -> dict[str, Any]:
        """The answer as an assistant message."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self.tokens), "refusal": None}
        if self.calls:
            message["content"] = None
            message["tool_calls"] = [call.to_dict() for call in self.calls]
        return message


def prompt_tokens(wanted: ChatRequest) -> int:
    """Tokens of all messages, with four for each message's frame, and of the tools on offer."""
    said = sum(4 + generate.count_tokens(generate.content_text(item.get("content"))) for item in wanted.messages)
    return said + (generate.count_tokens(orjson.dumps(wanted.tools).decode()) if wanted.tools else 0)


def write(wanted: ChatRequest, model: Model, seed: int) -> list[Choice]:
    """The answers to a request; the same request, model and seed always give the same ones."""
    base = generate.digest(seed, wanted.data.get("seed"), model.id, orjson.dumps(wanted.messages))
    return [_choice(wanted, model, generate.digest(base, number) if number else base) for number in range(wanted.n)]


def _choice(wanted: ChatRequest, model: Model, chance: int) -> Choice:
    parallel = wanted.data.get("parallel_tool_calls") is not False
    choice = wanted.data.get("tool_choice")
    if functions := generate.wanted_tools(wanted.messages, wanted.tools, choice, parallel=parallel):
        calls = (_call(function, chance + number) for number, function in enumerate(functions))
        return Choice((), tuple(calls), "tool_calls")
    text = _text(wanted, model, chance)
    for stop in wanted.stop:
        text = text.partition(stop)[0]
    tokens = generate.pieces(text)
    if wanted.limit is not None and len(tokens) > wanted.limit:
        return Choice(tuple(tokens[: wanted.limit]), (), "length")
    return Choice(tuple(tokens), (), "stop")


def _call(function: Mapping[str, Any], chance: int) -> ToolCall:
    return ToolCall(f"call_{chance % 2**64:016x}", function["name"], generate.tool_arguments(function))


def _text(wanted: ChatRequest, model: Model, chance: int) -> str:
    said = generate.last_text(wanted.messages, "user")
    wanted_format = wanted.data.get("response_format")
    if wanted_format and wanted_format["type"] != "text":
        return generate.json_text(wanted_format, said)
    return said if model.echo else generate.prose(wanted.messages, chance)


def logprobs(tokens: tuple[str, ...], alternatives: int) -> dict[str, Any]:
    """Log probabilities in the OpenAI layout: made up, but well-formed and falling."""
    content = []
    for token in tokens:
        first = {"token": token, "logprob": -0.25, "bytes": list(token.encode())}
        others = (
            {"token": f"{token}~{rank}", "logprob": -1.5 * rank, "bytes": None} for rank in range(1, alternatives)
        )
        content.append({**first, "top_logprobs": [first, *others] if alternatives else []})
    return {"content": content, "refusal": None}
