"""``client.conversations``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from nexevo_async._codec import Undecodable
from nexevo_async.errors import ConfigurationError
from nexevo_async.resources.conversations import Conversations
from tests.resources.conftest import ScriptedTransport


async def test_create(transport: ScriptedTransport) -> None:
    """The documented sample: the id by both spellings."""
    transport.answer = {"conversation_id": "conv_1"}

    conv = await Conversations(transport).create(title="My Session", metadata={"team": "blue"})

    assert transport.last.line == "POST /v1/conversations"
    assert transport.last.body == {"title": "My Session", "metadata": {"team": "blue"}}
    assert conv.conversation_id == conv["conversation_id"] == "conv_1"


async def test_create_without_anything(transport: ScriptedTransport) -> None:
    """The body is an empty object, not absent."""
    transport.answer = {"conversation_id": "conv_1"}

    await Conversations(transport).create()

    assert transport.last.body == {}


async def test_an_answer_without_the_documented_id(transport: ScriptedTransport) -> None:
    """Is one error that names it."""
    with pytest.raises(Undecodable, match="conversation_id: missing"):
        await Conversations(transport).create()


async def test_list(transport: ScriptedTransport) -> None:
    """With the limit if there is one."""
    transport.answer = {"conversations": [{"conversation_id": "conv_1", "title": None}]}

    page = await Conversations(transport).list(limit=5)
    assert (transport.last.line, transport.last.query) == ("GET /v1/conversations", {"limit": 5})
    assert page[0].conversation_id == "conv_1"
    assert page["conversations"] is page.items

    await Conversations(transport).list()
    assert transport.last.query == {}


@pytest.mark.parametrize("limit", [0, -1, True, 1.0, "5"])
def test_a_limit_that_cannot_be(transport: ScriptedTransport, limit: Any) -> None:
    """Refused at once, not when the list is awaited."""
    with pytest.raises(ConfigurationError, match="limit must be"):
        Conversations(transport).list(limit=limit)


async def test_get(transport: ScriptedTransport) -> None:
    """The conversation with its messages."""
    transport.answer = {"conversation_id": "c/1", "messages": [{"role": "user", "content": "Hello!"}]}

    conv = await Conversations(transport).get("c/1")

    assert transport.last.line == "GET /v1/conversations/c%2F1"
    assert conv.messages is not None
    assert conv.messages[0].content == conv["messages"][0]["content"] == "Hello!"


async def test_update(transport: ScriptedTransport) -> None:
    """Only what was set is sent; an answer without any field will do, because none is documented."""
    conv = await Conversations(transport).update("conv_1", title="")

    assert (transport.last.line, transport.last.body) == ("PATCH /v1/conversations/conv_1", {"title": ""})
    assert conv.conversation_id is None


async def test_delete(transport: ScriptedTransport) -> None:
    """Whatever the service says is kept."""
    transport.answer = {"deleted": True}

    answer = await Conversations(transport).delete("conv_1")

    assert (transport.last.line, transport.last.body) == ("DELETE /v1/conversations/conv_1", None)
    assert answer["deleted"] is True


@pytest.mark.parametrize("role", ["user", "assistant", "system", "tool"])
async def test_append_message(transport: ScriptedTransport, role: Any) -> None:
    """The documented sample, with every role."""
    transport.answer = {"message_id": "msg_1", "role": role, "content": "Hello!"}

    message = await Conversations(transport).append_message("conv_1", role=role, content="Hello!")

    assert transport.last.line == "POST /v1/conversations/conv_1/messages"
    assert transport.last.body == {"role": role, "content": "Hello!"}
    assert message.role == role


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"role": "developer"}, "role must be one of 'system', 'user', 'assistant', 'tool', not 'developer'"),
        ({"content": None}, "content must be text, not None"),
        ({"content": [{"type": "text"}]}, "content must be text, not list"),
        ({"conversation_id": ""}, "conversation_id must not be empty"),
        ({"conversation_id": 7}, "conversation_id must be text, not int"),
    ],
)
async def test_messages_that_cannot_be(transport: ScriptedTransport, arguments: dict[str, Any], problem: str) -> None:
    """Nothing is sent."""
    with pytest.raises(ConfigurationError, match=problem):
        await Conversations(transport).append_message(
            **({"conversation_id": "conv_1", "role": "user", "content": "x"} | arguments)
        )

    assert transport.sent == []


async def test_metadata_of_4096_bytes_passes_and_one_more_does_not(transport: ScriptedTransport) -> None:
    """Counted in bytes of UTF-8, as it is sent: `{"k":"…"}` needs eight besides the text."""
    transport.answer = {"conversation_id": "conv_1"}
    most = "ü" * 2044

    await Conversations(transport).create(metadata={"k": most})
    with pytest.raises(ConfigurationError, match="metadata must be at most 4096 bytes as JSON; it has 4097"):
        await Conversations(transport).create(metadata={"k": most + "x"})
    with pytest.raises(ConfigurationError, match="it has 4097"):
        await Conversations(transport).update("conv_1", metadata={"k": most + "x"})

    assert len(transport.sent) == 1


@pytest.mark.parametrize("metadata", [[], "x", 7, {1: "a"}])
async def test_metadata_is_a_json_object(transport: ScriptedTransport, metadata: Any) -> None:
    """A list or a text is none."""
    with pytest.raises(ConfigurationError, match="metadata must be a JSON object"):
        await Conversations(transport).create(metadata=metadata)


async def test_metadata_has_a_json_form(transport: ScriptedTransport) -> None:
    """An amount has one, an arbitrary object has none."""
    transport.answer = {"conversation_id": "conv_1"}

    await Conversations(transport).create(metadata={"budget": Decimal("1.50")})
    assert transport.last.body == {"metadata": {"budget": Decimal("1.50")}}
    with pytest.raises(ConfigurationError, match=r"metadata must be JSON: .*object"):
        await Conversations(transport).create(metadata={"x": object()})
