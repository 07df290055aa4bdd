# Written by tools/generate_sync.py from nexevo_async/resources/conversations.py; change that, and run: make generate
"""``client.conversations``: store what was said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Unpack

from nexevo_async.models.acknowledgement import Acknowledgement
from nexevo_async.models.conversations import Conversation, ConversationMessage, CreatedConversation
from nexevo_async.resources._base import CallOptions
from nexevo_async.resources.conversations import Conversations as AsyncConversations
from nexevo_sync._shapes import Twin
from nexevo_sync.pagination import Pages


class Conversations(Twin[AsyncConversations]):
    """
    Conversations that the service keeps. Storing and chatting are apart: nothing here calls a model.

    Reached as ``client.conversations``. Making one and appending to it are documented, the other routes assumed.
    """

    def create(
        self, *, title: str | None = None, metadata: Mapping[str, Any] | None = None, **options: Unpack[CallOptions]
    ) -> CreatedConversation:
        """
        Make a conversation.

        Args:
            title: What to call it. None leaves it without a title.
            metadata: A JSON object of your own, at most 4096 bytes when encoded. None sends none.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The metadata is no JSON object or too large.
            OutcomeUnknownError: It may have been made, and the answer was lost; `list` shows whether it was.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.create, title=title, metadata=metadata, **options)

    def list(self, *, limit: int | None = None, **options: Unpack[CallOptions]) -> Pages[Conversation]:
        """
        List the conversations, on one page.

        Args:
            limit: Most conversations to list, at least 1. None means as many as the service gives.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The limit is not a whole number of at least 1.

        .. versionadded:: 0.1.0
        """
        return Pages.fetch(self._portal, self._async.list(limit=limit, **options))

    def get(self, conversation_id: str, **options: Unpack[CallOptions]) -> Conversation:
        """
        Read a conversation with its messages.

        Args:
            conversation_id: Which one.
            **options: Options of this call; see `CallOptions`.

        Raises:
            NotFoundError: There is no such conversation.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.get, conversation_id, **options)

    def update(
        self,
        conversation_id: str,
        *,
        title: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
    ) -> Conversation:
        """
        Change the title or the metadata.

        Args:
            conversation_id: Which one.
            title: The new title. None leaves it as it is.
            metadata: The new metadata, at most 4096 bytes when encoded. None leaves it as it is.
            **options: Options of this call; see `CallOptions`. ``extra_body={"title": None}`` sends a null.

        Raises:
            ConfigurationError: The metadata is no JSON object or too large.
            NotFoundError: There is no such conversation.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.update, conversation_id, title=title, metadata=metadata, **options)

    def delete(self, conversation_id: str, **options: Unpack[CallOptions]) -> Acknowledgement:
        """
        Delete a conversation with its messages.

        Args:
            conversation_id: Which one.
            **options: Options of this call; see `CallOptions`.

        Raises:
            NotFoundError: There is no such conversation.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.delete, conversation_id, **options)

    def append_message(
        self,
        conversation_id: str,
        *,
        role: Literal["user", "assistant", "system", "tool"],
        content: str,
        **options: Unpack[CallOptions],
    ) -> ConversationMessage:
        """
        Store a message at the end of a conversation. No model is called.

        Args:
            conversation_id: Which one.
            role: Who said it: ``user``, ``assistant``, ``system`` or ``tool``.
            content: What was said.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The role does not exist, or the content is not text.
            NotFoundError: There is no such conversation.
            OutcomeUnknownError: It may have been stored, and the answer was lost; `get` shows whether it was.

        .. versionadded:: 0.1.0
        """
        return self._portal.call(self._async.append_message, conversation_id, role=role, content=content, **options)
