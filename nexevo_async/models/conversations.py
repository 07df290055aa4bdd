"""Stored conversations and their messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from nexevo_async.models._common import Model, model

#: Who speaks in a conversation; other values are kept as text.
MessageRole = Literal["system", "user", "assistant", "tool"]


@model
class ConversationMessage(Model):
    """
    A stored message.

    Attributes:
        message_id: Its id.
        conversation_id: The conversation it belongs to.
        role: Who said it: ``system``, ``user``, ``assistant`` or ``tool``.
        content: What was said.
        created_at: When it was stored, with its offset.

    .. versionadded:: 0.1.0
    """

    message_id: str | None = None
    conversation_id: str | None = None
    role: MessageRole | str | None = None
    content: str | None = None
    created_at: datetime | None = None


@model
class _Conversation(Model):
    title: str | None = None
    metadata: dict[str, Any] | None = None
    messages: list[ConversationMessage] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@model
class CreatedConversation(_Conversation):
    """
    A conversation that was just made.

    Attributes:
        conversation_id: Its id; for chat, ``metadata={"conversation_id": …}`` makes routing sticky.
        title: What it is called, or None.
        metadata: The caller's own JSON object, or None.
        messages: Its messages; None where the answer does not include them.
        created_at: When it was made, with its offset.
        updated_at: When it last changed, with its offset.

    .. versionadded:: 0.1.0
    """

    conversation_id: str


@model
class Conversation(_Conversation):
    """
    A stored conversation. All fields are optional, because only the answer to making one is documented.

    Attributes:
        conversation_id: Its id, or None if the service calls it otherwise.
        title: What it is called, or None.
        metadata: The caller's own JSON object, or None.
        messages: Its messages, oldest first; None where the answer does not include them.
        created_at: When it was made, with its offset.
        updated_at: When it last changed, with its offset.

    .. versionadded:: 0.1.0
    """

    conversation_id: str | None = None
