"""The body of a chat request: what the caller set, checked field by field before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

from nexevo_async._redaction import kind_of, shown
from nexevo_async._validation import amount, choice, is_number, text, texts, whole
from nexevo_async.errors import ConfigurationError

#: Messages as they are sent, or as answers hold them.
Messages = Sequence[Mapping[str, Any]]

#: Who may speak (`contract.md` section 3).
ROLES: Final = ("system", "user", "assistant", "tool")
PRICES: Final = ("prompt", "completion", "total")


def request_body(extra_body: Mapping[str, Any] | None, /, *fields: Any) -> dict[str, Any]:
    """
    The JSON object to send: fields that are None are left out, the others are checked.

    `fields` are the values of `FIELDS` in that order, because to pass 27 of them by name takes longer than to check
    them. `extra_body` will be laid over the result later; a field that stands there need not stand here.

    Raises:
        ConfigurationError: A field cannot work; the message names it.
    """
    messages, stream = fields[0], fields[2]
    extra = {} if extra_body is None else _mapping("extra_body", extra_body)
    _truth("stream", stream)
    if "stream" in extra:  # the answer would come in a form that nobody here reads
        raise ConfigurationError("extra_body must not hold stream: pass stream=True to create, or call stream()")
    if messages is None and "messages" not in extra:
        raise ConfigurationError('messages is missing: pass a list such as [{"role": "user", "content": "Hello!"}]')
    body = _checker()(*fields)
    if not stream:
        del body["stream"]  # the default
    if not ("model" in body or "models" in body or "model" in extra or "models" in extra):
        raise ConfigurationError("model is missing: name a model, or a list of models")
    if "max_price" in body and "total" in body["max_price"] and not ("max_tokens" in body or "max_tokens" in extra):
        raise ConfigurationError("max_price.total needs max_tokens: without it nobody can know the price beforehand")
    return body


def _messages(field: str, value: object) -> object:
    # Lists of dictionaries, which nearly all are, are told at once; the abstract classes cost a look-up each.
    if type(value) is not list and (isinstance(value, str | Mapping) or not isinstance(value, Sequence)):
        raise ConfigurationError(f'{field} must be a list such as [{{"role": "user", "content": "Hello!"}}]')
    if not value:
        raise ConfigurationError(f"{field} must not be empty")
    for index, message in enumerate(value):
        if type(message) is not dict and not isinstance(message, Mapping):
            raise ConfigurationError(f"{field}[{index}] must be a mapping with role and content")
        role = message.get("role")
        if type(role) is not str or role not in ROLES:
            if role is None:
                raise ConfigurationError(f"{field}[{index}].role is missing")
            choice(f"{field}[{index}].role", role, ROLES)
        content = message.get("content")
        if type(content) is not str:
            _content(f"{field}[{index}].content", content, message)
    return value


def _content(field: str, value: object, message: Mapping[str, Any]) -> None:
    """What a message says, never quoted: text or parts; nothing only where it says something by other means."""
    if value is None:
        if message["role"] != "assistant" and not message.get("tool_calls"):
            raise ConfigurationError(f"{field} is missing")
    elif isinstance(value, bytes | bytearray | Mapping) or not isinstance(value, str | Sequence):
        raise ConfigurationError(f"{field} must be text or a list of content parts, not {kind_of(value)}")
    elif not isinstance(value, str) and not all(isinstance(part, Mapping) for part in value):
        raise ConfigurationError(f'{field} must hold parts such as {{"type": "text", "text": "Hello!"}}')


def _number(least: float, most: float) -> Callable[[str, object], object]:
    def check(field: str, value: object) -> object:
        if not is_number(value):
            raise ConfigurationError(f"{field} must be a number")
        if not least <= cast("float", value) <= most:
            raise ConfigurationError(f"{field} must be between {least:g} and {most:g}; it is {shown(value)}")
        return value

    return check


def _count(least: int) -> Callable[[str, object], object]:
    return lambda field, value: whole(field, value, least=least)


def _integer(field: str, value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"{field} must be a whole number")
    return value


def _truth(field: str, value: object) -> object:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{field} must be True or False")
    return value


def _mapping(field: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{field} must be a mapping")
    return dict(value)


def _mappings(field: str, value: object) -> object:
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise ConfigurationError(f"{field} must be a list of mappings")
    return [_mapping(f"{field}[{index}]", item) for index, item in enumerate(value)]


def _text_or_mapping(field: str, value: object) -> object:
    return text(field, value) if isinstance(value, str) else _mapping(field, value)


def _stop(field: str, value: object) -> object:
    return text(field, value) if isinstance(value, str) else texts(field, value)


def _max_price(field: str, value: object) -> dict[str, Any]:
    """Exact amounts; an unknown name is refused, because a ceiling that nobody reads is no ceiling."""
    prices = _mapping(field, value)
    if not prices:
        raise ConfigurationError(f"{field} must name at least one of {', '.join(PRICES)}")
    for name in prices:
        choice(f"a name in {field}", name, PRICES)
    return {name: amount(f"{field}.{name}", price) for name, price in prices.items()}


def _options(field: str, value: object) -> dict[str, Any]:
    options = _mapping(field, value)
    if options.get("max_cost_usd") is not None:
        options["max_cost_usd"] = amount(f"{field}.max_cost_usd", options["max_cost_usd"])
    return options


_CHECKS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "messages": _messages,
    "model": text,
    "stream": _truth,
    "temperature": _number(0, 2),
    "max_tokens": _count(1),
    "top_p": _number(0, 1),
    "stop": _stop,
    "tools": _mappings,
    "tool_choice": _text_or_mapping,
    "parallel_tool_calls": _truth,
    "response_format": _mapping,
    "seed": _integer,
    "n": _count(1),
    "stream_options": _mapping,
    "user": text,
    "presence_penalty": _number(-2, 2),
    "frequency_penalty": _number(-2, 2),
    "logit_bias": _mapping,
    "logprobs": _truth,
    "top_logprobs": _count(0),
    "max_completion_tokens": _count(1),
    "reasoning_effort": text,
    "models": texts,
    "max_price": _max_price,
    "provider": _mapping,
    "options": _options,
    "metadata": _mapping,
}

#: Every field of the body, in the order of the arguments of `ChatCompletions.create`.
FIELDS: Final = tuple(_CHECKS)


@cache
def _checker() -> Callable[..., dict[str, Any]]:
    """
    A function that makes the body of values in the order of `FIELDS`: each that is not None, checked.

    Written at first use, a line for each field: a loop takes longer to step over those that are None, nearly all, than
    to check the others.
    """
    names: dict[str, Any] = {f"check_{name}": check for name, check in _CHECKS.items()}
    lines = [f"    if {name} is not None: body[{name!r}] = check_{name}({name!r}, {name})" for name in FIELDS]
    text = "\n".join([f"def checked({', '.join(FIELDS)}):", "    body = {}", *lines, "    return body"])
    exec(text, names)  # noqa: S102 - the text is made of the names above
    checked: Callable[..., dict[str, Any]] = names["checked"]
    return checked
