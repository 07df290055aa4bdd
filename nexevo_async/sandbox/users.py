"""The people in the store: finding, adding and describing them."""

from __future__ import annotations

import sqlite3
from typing import Any

from nexevo_async.sandbox.database import Database
from nexevo_async.sandbox.errors import ApiError


def add_user(db: Database, *, email: str, full_name: str | None = None, password: str | None = None) -> str:
    """
    Add a user and return the id.

    Args:
        db: The state.
        email: Address, unique without regard to case.
        full_name: Name, or None.
        password: Password hash; None makes a stub for somebody who was invited and has not registered yet.
    """
    user_id = db.new_id("usr")
    db.insert("users", user_id=user_id, email=email, full_name=full_name, password=password, created_at=db.timestamp())
    return user_id


def find_user(db: Database, email: str) -> sqlite3.Row | None:
    """The user with that address, whatever its case, or None."""
    return db.one("SELECT * FROM users WHERE email = ?", email)


def get_user(db: Database, user_id: str) -> sqlite3.Row:
    """
    The user's row.

    Raises:
        ApiError: 404 when the account was deleted meanwhile.
    """
    row = db.one("SELECT * FROM users WHERE user_id = ?", user_id)
    if row is None:
        raise ApiError(404, "user_not_found", "This account does not exist.")
    return row


def profile(row: sqlite3.Row) -> dict[str, Any]:
    """A user as answers show it."""
    return {
        "user_id": row["user_id"],
        "email": row["email"],
        "full_name": row["full_name"],
        "two_fa_enabled": bool(row["totp_enabled"]),
        "created_at": row["created_at"],
    }
