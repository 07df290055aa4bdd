"""What a chat request asks for: read once, checked field by field, every refusal a 400 that names the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import attrs
import orjson

from nexevo_async.sandbox.errors import ApiError

_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
_REASONS = frozenset({"none", "minimal", "low", "medium", "high", "xhigh"})

#: Says what is wrong with a value, or None if nothing is.
Check = Callable[[Any], str | None]


@attrs.frozen(kw_only=True)
class ChatRequest:
    """
    A chat request that passed all checks.

    Attributes:
        data: The whole body as it came.
        names: Models to try, in order.
        fallback: Whether the caller gave a fallback list.
        messages: The conversation so far.
        stream: Whether the answer is to be streamed.
        include_usage: Whether the stream ends with a usage chunk.
        n: How many answers, 1 to 16.
        limit: Most tokens per answer; None is unlimited.
        stop: Texts before which the answer ends.
        logprobs: How many alternatives per token to show; None when no logprobs are wanted.
        max_price: The caller's ceiling: `prompt`, `completion` in USD per million tokens, `total` in USD per request.
        deny_collection: Whether providers that keep prompts are out.
        conversation_id: Makes routing sticky; None if not given.
    """

    data: Mapping[str, Any]
    names: tuple[str, ...]
    fallback: bool
    messages: list[dict[str, Any]]
    stream: bool
    include_usage: bool
    n: int
    limit: int | None
    stop: tuple[str, ...]
    logprobs: int | None
    max_price: Mapping[str, Decimal]
    deny_collection: bool
    conversation_id: str | None

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The functions on offer, in the OpenAI layout."""
        return self.data.get("tools") or []


def refuse(field: str, problem: str, *, code: str = "invalid_request") -> ApiError:
    """The 400 that names a field and says what is wrong with it."""
    return ApiError(400, code, f"'{field}' {problem}.", param=field)


def read_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; a clear 400 for anything else."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, "invalid_json", f"The body is not valid JSON: {error}.") from None
    if not isinstance(data, dict):
        raise ApiError(400, "invalid_json", "The body must be a JSON object.")
    return data


def parse(body: bytes) -> ChatRequest:
    """
    Read and check the body of ``POST /v1/chat/completions``.

    Raises:
        ApiError: 400; `param` names the first field at fault.
    """
    data = read_object(body)
    for name, value in data.items():
        check = _CHECKS.get(name)
        if check is not None and value is not None and (problem := check(value)):
            raise refuse(name, problem)
    _check_together(data)
    names: list[str] = [*([data["model"]] if data.get("model") else []), *(data.get("models") or [])]
    stop = data.get("stop") or ()
    return ChatRequest(
        data=data,
        names=tuple(dict.fromkeys(names)),
        fallback=bool(data.get("models")),
        messages=data["messages"],
        stream=bool(data.get("stream")),
        include_usage=bool((data.get("stream_options") or {}).get("include_usage")),
        n=data.get("n") or 1,
        limit=data.get("max_completion_tokens") or data.get("max_tokens"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        logprobs=(data.get("top_logprobs") or 0) if data.get("logprobs") else None,
        max_price={name: Decimal(str(price)) for name, price in (data.get("max_price") or {}).items()},
        deny_collection=(data.get("provider") or {}).get("data_collection") == "deny",
        conversation_id=(data.get("metadata") or {}).get("conversation_id"),
    )


def _check_together(data: Mapping[str, Any]) -> None:
    """What one field alone cannot tell."""
    if not data.get("model") and not data.get("models"):
        raise refuse("model", "is required, unless `models` lists the models to try")
    if not data.get("messages"):
        raise refuse("messages", "is required and must hold at least one message")
    if data.get("stream_options") and not data.get("stream"):
        raise refuse("stream_options", "only goes with `stream: true`")
    if data.get("top_logprobs") is not None and not data.get("logprobs"):
        raise refuse("top_logprobs", "needs `logprobs: true`")
    limited = data.get("max_tokens") or data.get("max_completion_tokens")
    if "total" in (data.get("max_price") or {}) and not limited:
        raise refuse("max_price", "needs `max_tokens` for `total`, or nobody can tell what the request may cost")
    choice = data.get("tool_choice")
    if choice in (None, "none", "auto"):
        return
    if not data.get("tools"):
        raise refuse("tool_choice", "needs `tools`")
    if isinstance(choice, dict):
        wanted = choice["function"]["name"]
        if all(tool["function"]["name"] != wanted for tool in data["tools"]):
            raise refuse("tool_choice", f"no tool is called {wanted!r}")


def _number(low: float, high: float) -> Check:
    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return "must be a number"
        return None if low <= value <= high else f"must be between {low:g} and {high:g}, got {value:g}"

    return check


def _integer(low: int, high: int | None = None) -> Check:
    def check(value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return "must be a whole number"
        if value < low:
            return f"must be at least {low}, got {value}"
        return None if high is None or value <= high else f"must be at most {high}, got {value}"

    return check


def _boolean(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "must be a string that is not empty"


def _object(value: Any) -> str | None:
    return None if isinstance(value, dict) else "must be an object"


def _models(value: Any) -> str | None:
    if not isinstance(value, list) or not value or any(_text(name) for name in value):
        return "must be a list of at least one model name"
    return None


def _stop(value: Any) -> str | None:
    if isinstance(value, str):
        return None
    if not isinstance(value, list) or len(value) > 4 or any(_text(item) for item in value):
        return "must be a string or a list of at most 4 strings"
    return None


def _messages(value: Any) -> str | None:
    if not isinstance(value, list):
        return "must be a list of messages"
    for number, message in enumerate(value):
        if not isinstance(message, dict):
            return f"holds a bad message {number}: it must be an object"
        if problem := _message(message):
            return f"holds a bad message {number}: {problem}"
    return None


def _message(message: Mapping[str, Any]) -> str | None:
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        return f"role must be one of {', '.join(sorted(_ROLES))}, got {role!r}"
    if content is None:
        calls = role == "assistant" and (message.get("tool_calls") or message.get("refusal"))
        return None if calls else "content is required"
    if isinstance(content, str):
        return None
    if isinstance(content, list) and all(
        isinstance(part, dict) and isinstance(part.get("type"), str) for part in content
    ):
        return None
    return "content must be a string or a list of content parts, each with a type"


def _tools(value: Any) -> str | None:
    if not isinstance(value, list):
        return "must be a list of tools"
    for number, tool in enumerate(value):
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
        if not isinstance(function, dict) or _text(function.get("name")):
            return f'holds a bad tool {number}: it must look like {{"type": "function", "function": {{"name": …}}}}'
        if not isinstance(function.get("parameters") or {}, dict):
            return f"holds a bad tool {number}: parameters must be a JSON schema"
    return None


def _tool_choice(value: Any) -> str | None:
    if value in ("none", "auto", "required"):
        return None
    function = value.get("function") if isinstance(value, dict) else None
    named = isinstance(function, dict) and not _text(function.get("name"))
    return None if named else "must be none, auto, required, or name one function"


def _response_format(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind not in ("text", "json_object", "json_schema"):
        return "needs a type: text, json_object or json_schema"
    if kind != "json_schema":
        return None
    schema = value.get("json_schema")
    if not isinstance(schema, dict) or not isinstance(schema.get("schema") or {}, dict):
        return "needs a json_schema: an object with a name and a schema"
    return None


def _max_price(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "must be an object"
    for name, price in value.items():
        if name not in ("prompt", "completion", "total"):
            return f"has prompt, completion and total, not {name!r}"
        try:
            amount = Decimal("NaN") if isinstance(price, bool) else Decimal(str(price))
        except ArithmeticError:
            amount = Decimal("NaN")
        if not amount.is_finite() or amount < 0:
            return f"needs an amount in USD for {name}, 0 or more"
    return None


def _provider(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "must be an object"
    return (
        None if value.get("data_collection") in (None, "allow", "deny") else "needs allow or deny for data_collection"
    )


def _metadata(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "must be an object"
    conversation = value.get("conversation_id")
    return None if conversation is None or not _text(conversation) else "needs a string for conversation_id"


def _effort(value: Any) -> str | None:
    return None if value in _REASONS else f"must be one of {', '.join(sorted(_REASONS))}"


#: One line per field that has a rule; fields without one pass untouched, null counts as not given.
_CHECKS: dict[str, Check] = {
    "model": _text,
    "models": _models,
    "messages": _messages,
    "stream": _boolean,
    "stream_options": _object,
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "presence_penalty": _number(-2, 2),
    "frequency_penalty": _number(-2, 2),
    "max_tokens": _integer(1),
    "max_completion_tokens": _integer(1),
    "n": _integer(1, 16),
    "seed": _integer(-(2**63), 2**63 - 1),
    "stop": _stop,
    "tools": _tools,
    "tool_choice": _tool_choice,
    "parallel_tool_calls": _boolean,
    "response_format": _response_format,
    "logprobs": _boolean,
    "top_logprobs": _integer(0, 20),
    "logit_bias": _object,
    "user": _text,
    "reasoning_effort": _effort,
    "max_price": _max_price,
    "provider": _provider,
    "options": _object,
    "metadata": _metadata,
}
