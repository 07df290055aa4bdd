"""Conversations and their messages."""

from __future__ import annotations

from nexevo_async._codec import decode, encode
from nexevo_async.models import Conversation, CreatedConversation

CONVERSATION = {
    "conversation_id": "conv_1",
    "title": None,
    "metadata": {"team": "blue", "nested": [1, {"a": None}]},
    "messages": [{"message_id": "msg_1", "role": "critic", "content": "Hm.", "mood": "grim"}],
    "created_at": "2026-01-09T08:00:00.000000+00:00",
}


def test_a_conversation() -> None:
    """Metadata is the caller's own; an unknown role stays readable; the round trip is exact."""
    conversation = decode(encode(CONVERSATION), Conversation)

    assert conversation.metadata == {"team": "blue", "nested": [1, {"a": None}]}
    assert conversation.messages is not None
    assert (conversation.messages[0].role, conversation.messages[0]["mood"]) == ("critic", "grim")
    assert conversation.to_dict() == CONVERSATION


def test_a_created_conversation_may_hold_the_same() -> None:
    """Its id is certain, the rest is as in any conversation."""
    created = decode(encode(CONVERSATION), CreatedConversation)

    assert (created.conversation_id, created.title) == ("conv_1", None)
    assert created == decode(encode(CONVERSATION), Conversation)
