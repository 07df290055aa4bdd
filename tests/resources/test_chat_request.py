"""The body of a chat request: what is sent, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from nexevo_async.errors import ConfigurationError
from nexevo_async.resources._chat_request import FIELDS, request_body

HELLO = [{"role": "user", "content": "Hello!"}]


def body(extra: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return request_body(extra, *map({"messages": HELLO, "model": "m", "stream": False, **fields}.get, FIELDS))


def test_what_is_none_and_the_default_of_stream_are_left_out() -> None:
    assert body(temperature=None, seed=0) == {"messages": HELLO, "model": "m", "seed": 0}
    assert body(stream=True)["stream"] is True


def test_amounts_become_decimals_digit_for_digit() -> None:
    prices = {"prompt": "0.10", "completion": Decimal("1.50"), "total": 2}
    assert str(body(max_price=prices, max_tokens=1)["max_price"]) == (
        "{'prompt': Decimal('0.10'), 'completion': Decimal('1.50'), 'total': Decimal('2')}"
    )
    assert body(options={"max_cost_usd": "0.5", "recall": "off"})["options"] == {
        "max_cost_usd": Decimal("0.5"),
        "recall": "off",
    }


def test_the_mappings_of_the_caller_are_not_changed() -> None:
    options = {"max_cost_usd": "0.5"}
    body(options=options)
    assert options == {"max_cost_usd": "0.5"}


@pytest.mark.parametrize("extra", [{"model": "m"}, {"models": ["m"]}])
def test_what_extra_body_brings_is_not_missed(extra: dict[str, Any]) -> None:
    assert "model" not in body(extra, model=None)
    assert "max_price" in body({**extra, "max_tokens": 1}, max_price={"total": 1})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": None}, "model is missing"),
        ({"model": ""}, "model must not be empty"),
        ({"temperature": 10**400}, "temperature must be a number"),
        ({"models": []}, "models must not be empty"),
        ({"models": "a"}, "models must be a list"),
        ({"messages": []}, "messages must not be empty"),
        ({"messages": None}, "messages is missing"),
        ({"messages": [{"role": None, "content": "x"}]}, "messages[0].role is missing"),
        ({"messages": [{"role": 5, "content": "x"}]}, "messages[0].role must be one of"),
        ({"messages": [*HELLO, {"role": "user"}]}, "messages[1].content is missing"),
        ({"messages": [{"role": "user", "content": None}]}, "messages[0].content is missing"),
        ({"messages": [{"role": "tool", "tool_call_id": "1"}]}, "messages[0].content is missing"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content must be text or a list"),
        ({"messages": [{"role": "user", "content": b"x"}]}, "messages[0].content must be text or a list"),
        ({"messages": [{"role": "user", "content": {"type": "text"}}]}, "messages[0].content must be text or a list"),
        ({"messages": [{"role": "user", "content": ["Hello!"]}]}, "messages[0].content must hold parts"),
        ({"messages": "Hello!"}, "messages must be a list"),
        ({"messages": {"role": "user"}}, "messages must be a list"),
        ({"messages": ["Hello!"]}, "messages[0] must be a mapping"),
        ({"messages": [*HELLO, {"content": "x"}]}, "messages[1].role is missing"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role must be one of"),
        ({"stream": 1}, "stream must be True or False"),
        ({"temperature": 2.1}, "temperature must be between 0 and 2; it is 2.1"),
        ({"temperature": float("nan")}, "temperature must be a number"),
        ({"temperature": True}, "temperature must be a number"),
        ({"top_p": -0.1}, "top_p must be between 0 and 1"),
        ({"max_tokens": 0}, "max_tokens must be at least 1"),
        ({"n": True}, "n must be a whole number"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"stop": ""}, "stop must not be empty"),
        ({"tools": {"type": "function"}}, "tools must be a list of mappings"),
        ({"tools": ["f"]}, "tools[0] must be a mapping"),
        ({"tool_choice": 5}, "tool_choice must be a mapping"),
        ({"logprobs": "yes"}, "logprobs must be True or False"),
        ({"metadata": "c"}, "metadata must be a mapping"),
        ({"max_price": {"total": 1}}, "max_price.total needs max_tokens"),
        ({"max_price": {"prompt": 0.1}}, "max_price.prompt must be exact, and a float is not: pass Decimal('0.1')"),
        ({"max_price": {"prompt": True}}, "max_price.prompt"),
        ({"max_price": {"prompt": 0}}, "max_price.prompt must be more than zero"),
        ({"max_price": {"promt": 1}}, "a name in max_price must be one of 'prompt', 'completion', 'total'"),
        ({"options": {"max_cost_usd": 0.5}}, "options.max_cost_usd must be exact"),
        ({"max_price": {}}, "max_price must name at least one of"),
    ],
)
def test_what_cannot_work_is_refused_with_its_name(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        body(**arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize("stream", [True, False])
def test_whether_to_stream_is_not_hidden_in_extra_body(stream: bool) -> None:
    """It would be a paid answer in a form that nobody expects."""
    for extra in ({"stream": True}, {"stream": False}):
        with pytest.raises(ConfigurationError, match="stream=True"):
            body(extra, stream=stream)


def test_extra_body_is_a_mapping() -> None:
    with pytest.raises(ConfigurationError, match="extra_body must be a mapping"):
        body("text")  # type: ignore[arg-type]  # the point of the test


class _Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": ""},
        {"role": "user", "content": _Text("Hello!")},
        {"role": "user", "content": [{"type": "text", "text": "Hello!"}]},
        {"role": "user", "content": ({"type": "text", "text": "Hello!"},)},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]},
        {"role": "assistant"},
        {"role": "tool", "tool_call_id": "1", "content": "4"},
    ],
)
def test_messages_that_say_something_are_taken_as_they_are(message: dict[str, Any]) -> None:
    assert body(messages=[message])["messages"] == [message]


def test_messages_may_come_as_an_extra() -> None:
    assert "messages" not in body({"messages": HELLO}, messages=None)


def test_what_a_message_says_is_never_quoted() -> None:
    for content in ({"my": "SECRET"}, ["SECRET"], b"SECRET", {"SECRET"}):
        with pytest.raises(ConfigurationError) as caught:
            body(messages=[{"role": "user", "content": content}])
        assert "SECRET" not in str(caught.value)
