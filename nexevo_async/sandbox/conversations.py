"""Conversations: stored messages in their order. Appending stores only; no model is called."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from typing import Any

from nexevo_async.sandbox.database import Database
from nexevo_async.sandbox.errors import ApiError

ROLES = ("system", "user", "assistant", "tool")
METADATA_LIMIT = 4096
"""Most bytes of metadata, as compact JSON in UTF-8."""


def encode_metadata(metadata: object) -> str | None:
    """Metadata as compact JSON text, or None for None; 400 when it is no object or over the limit."""
    if metadata is None:
        return None
    if not isinstance(metadata, dict):
        raise ApiError(400, "invalid_type", "'metadata' must be a JSON object.", param="metadata")
    text = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"), default=_float)
    size = len(text.encode())
    if size > METADATA_LIMIT:
        message = f"'metadata' must have at most {METADATA_LIMIT} bytes as JSON, and has {size}."
        raise ApiError(400, "metadata_too_large", message, param="metadata")
    return text


def create_conversation(db: Database, user_id: str, *, title: str | None, metadata: str | None) -> dict[str, Any]:
    """Begin a conversation; `metadata` is JSON text."""
    conversation_id, now = db.new_id("conv"), db.timestamp()
    db.insert(
        "conversations",
        conversation_id=conversation_id,
        user_id=user_id,
        title=title,
        metadata=metadata,
        created_at=now,
        updated_at=now,
    )
    return _describe(_get(db, user_id, conversation_id))


def list_conversations(db: Database, user_id: str, limit: int) -> list[dict[str, Any]]:
    """The account's newest conversations, newest first, without their messages."""
    rows = db.all(
        "SELECT * FROM conversations WHERE user_id = ? ORDER BY created_at DESC, rowid DESC LIMIT ?", user_id, limit
    )
    return [_describe(row) for row in rows]


def get_conversation(db: Database, user_id: str, conversation_id: str) -> dict[str, Any]:
    """A conversation with its messages, in the order in which they were appended."""
    row = _get(db, user_id, conversation_id)
    messages = db.all("SELECT * FROM messages WHERE conversation_id = ? ORDER BY position", conversation_id)
    return {**_describe(row), "messages": [_describe_message(message) for message in messages]}


def update_conversation(
    db: Database, user_id: str, conversation_id: str, changes: dict[str, str | None]
) -> dict[str, Any]:
    """Change `title` or `metadata` (JSON text), whichever `changes` names."""
    with db.transaction():
        _get(db, user_id, conversation_id)
        for column in ("title", "metadata"):
            if column in changes:
                statement = f"UPDATE conversations SET {column} = ? WHERE conversation_id = ?"  # noqa: S608 - named above
                db.run(statement, changes[column], conversation_id)
        db.run("UPDATE conversations SET updated_at = ? WHERE conversation_id = ?", db.timestamp(), conversation_id)
        return _describe(_get(db, user_id, conversation_id))


def delete_conversation(db: Database, user_id: str, conversation_id: str) -> None:
    """Delete a conversation and its messages."""
    _get(db, user_id, conversation_id)
    db.run("DELETE FROM conversations WHERE conversation_id = ?", conversation_id)


def append_message(db: Database, user_id: str, conversation_id: str, *, role: str, content: str) -> dict[str, Any]:
    """Add a message at the end."""
    with db.transaction():
        _get(db, user_id, conversation_id)
        message_id, now = db.new_id("msg"), db.timestamp()
        db.insert(
            "messages",
            message_id=message_id,
            conversation_id=conversation_id,
            role=role,
            content=content,
            created_at=now,
        )
        db.run("UPDATE conversations SET updated_at = ? WHERE conversation_id = ?", now, conversation_id)
    row = db.one("SELECT * FROM messages WHERE message_id = ?", message_id)
    assert row is not None  # noqa: S101 - written a line above
    return _describe_message(row)


def _get(db: Database, user_id: str, conversation_id: str) -> sqlite3.Row:
    row = db.one("SELECT * FROM conversations WHERE conversation_id = ? AND user_id = ?", conversation_id, user_id)
    if row is None:
        raise ApiError(404, "conversation_not_found", "This account has no such conversation.")
    return row


def _describe(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "conversation_id": row["conversation_id"],
        "title": row["title"],
        "metadata": None if row["metadata"] is None else json.loads(row["metadata"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _describe_message(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "message_id": row["message_id"],
        "conversation_id": row["conversation_id"],
        "role": row["role"],
        "content": row["content"],
        "created_at": row["created_at"],
    }


def _float(value: object) -> float:
    """Metadata is no money: its fractions may be the floats that they are in JSON."""
    if isinstance(value, Decimal):
        return float(value)
    message = f"{type(value).__name__} is not JSON"
    raise TypeError(message)
