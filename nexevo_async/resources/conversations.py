"""``client.conversations``: store what was said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, Unpack, get_args

from nexevo_async._codec import encode
from nexevo_async._validation import choice, identifier, text, whole
from nexevo_async.errors import ConfigurationError
from nexevo_async.models.acknowledgement import Acknowledgement
from nexevo_async.models.conversations import Conversation, ConversationMessage, CreatedConversation, MessageRole
from nexevo_async.pagination import Pages
from nexevo_async.resources._base import CallOptions, Resource, given

MOST_METADATA: Final = 4096


class Conversations(Resource):
    """
    Conversations that the service keeps. Storing and chatting are apart: nothing here calls a model.

    Reached as ``client.conversations``. Making one and appending to it are documented, the other routes assumed.
    """

    __slots__ = ()

    async def create(
        self,
        *,
        title: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **options: Unpack[CallOptions],
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
        return await self._fetch("conversations.create", CreatedConversation, options, json=_fields(title, metadata))

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
        query = given(limit=None if limit is None else whole("limit", limit))
        return self._list("conversations.list", Conversation, options, query=query)

    async def get(self, conversation_id: str, **options: Unpack[CallOptions]) -> Conversation:
        """
        Read a conversation with its messages.

        Args:
            conversation_id: Which one.
            **options: Options of this call; see `CallOptions`.

        Raises:
            NotFoundError: There is no such conversation.

        .. versionadded:: 0.1.0
        """
        return await self._fetch("conversations.get", Conversation, options, ids=_id(conversation_id))

    async def update(
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
        ids, body = _id(conversation_id), _fields(title, metadata)
        return await self._fetch("conversations.update", Conversation, options, ids=ids, json=body)

    async def delete(self, conversation_id: str, **options: Unpack[CallOptions]) -> Acknowledgement:
        """
        Delete a conversation with its messages.

        Args:
            conversation_id: Which one.
            **options: Options of this call; see `CallOptions`.

        Raises:
            NotFoundError: There is no such conversation.

        .. versionadded:: 0.1.0
        """
        return await self._fetch("conversations.delete", Acknowledgement, options, ids=_id(conversation_id))

    async def append_message(
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
        body = {"role": choice("role", role, get_args(MessageRole)), "content": text("content", content, least=0)}
        return await self._fetch(
            "conversations.append_message", ConversationMessage, options, ids=_id(conversation_id), json=body
        )


def _id(conversation_id: str) -> dict[str, str]:
    return {"id": identifier("conversation_id", conversation_id)}


def _fields(title: str | None, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    return given(
        title=None if title is None else text("title", title, least=0),
        metadata=None if metadata is None else _metadata(metadata),
    )


def _metadata(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ConfigurationError("metadata must be a JSON object: a mapping whose names are text")
    try:
        size = len(encode(value))
    except TypeError as error:
        raise ConfigurationError(f"metadata must be JSON: {error}") from None
    if size > MOST_METADATA:
        raise ConfigurationError(f"metadata must be at most {MOST_METADATA} bytes as JSON; it has {size}")
    return value
