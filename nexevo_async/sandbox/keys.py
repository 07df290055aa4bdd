"""API keys: shown once, kept as a hash, with a monthly cap, an alert webhook and a geo policy."""

from __future__ import annotations

import secrets
import sqlite3
from typing import Any
from urllib.parse import urlsplit

from nexevo_async.sandbox import ledger
from nexevo_async.sandbox.database import Database, hash_secret
from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.money import usd_text

PREFIX = "sk-xc-"
GEO_POLICIES = ("cn-only", "overseas-only", "any")

_SECRET_BYTES = 32


def new_secret(prefix: str) -> str:
    """A secret with 256 random bits."""
    return prefix + secrets.token_urlsafe(_SECRET_BYTES)


def create_key(db: Database, user_id: str, name: str, *, secret: str | None = None) -> tuple[str, dict[str, Any]]:
    """Make a key; return its secret, which is not kept, and its description. A given `secret` is used as it is."""
    full_key = secret or new_secret(PREFIX)
    key_id = db.new_id("key")
    db.insert(
        "keys",
        key_id=key_id,
        user_id=user_id,
        name=name,
        key_hash=hash_secret(full_key),
        hint=f"{full_key[:6]}…{full_key[-4:]}" if len(full_key) >= 24 else "…",
        created_at=db.timestamp(),
    )
    return full_key, _describe(db, _get(db, user_id, key_id))


def list_keys(db: Database, user_id: str) -> list[dict[str, Any]]:
    """The account's keys that still work, oldest first."""
    rows = db.all("SELECT * FROM keys WHERE user_id = ? AND revoked_at IS NULL ORDER BY created_at, rowid", user_id)
    return [_describe(db, row) for row in rows]


def revoke_key(db: Database, user_id: str, key_id: str) -> None:
    """Revoke a key at once; revoking it again changes nothing, so the call may be repeated."""
    _get(db, user_id, key_id, revoked=True)
    db.run("UPDATE keys SET revoked_at = ? WHERE key_id = ? AND revoked_at IS NULL", db.timestamp(), key_id)


def set_spend_cap(db: Database, user_id: str, key_id: str, cap: int | None) -> dict[str, Any]:
    """Cap what the key may spend in a calendar month (UTC), in nano-dollars; None lifts the cap."""
    return _change(db, user_id, key_id, "monthly_spend_cap", cap)


def set_alert_webhook(db: Database, user_id: str, key_id: str, url: str | None) -> dict[str, Any]:
    """Where to send an alert when 80 % and 100 % of the cap are passed; None turns alerts off."""
    if url is not None and not _is_https(url):
        message = "'url' must be an https:// address with a host, without credentials; null clears the webhook."
        raise ApiError(400, "invalid_value", message, param="url")
    return _change(db, user_id, key_id, "alert_webhook_url", url)


def set_geo_policy(db: Database, user_id: str, key_id: str, policy: str) -> dict[str, Any]:
    """Where the key's requests may be served, one of `GEO_POLICIES`. The sandbox keeps it; it has no geography."""
    return _change(db, user_id, key_id, "geo_policy", policy)


def _change(db: Database, user_id: str, key_id: str, column: str, value: object) -> dict[str, Any]:
    with db.transaction():
        _get(db, user_id, key_id)
        db.run(f"UPDATE keys SET {column} = ? WHERE key_id = ?", value, key_id)  # noqa: S608 - columns named above
        return _describe(db, _get(db, user_id, key_id))


def _get(db: Database, user_id: str, key_id: str, *, revoked: bool = False) -> sqlite3.Row:
    """A key of that account; keys of others, and revoked ones unless asked for, do not exist."""
    row = db.one("SELECT * FROM keys WHERE key_id = ? AND user_id = ?", key_id, user_id)
    if row is None or (row["revoked_at"] is not None and not revoked):
        raise ApiError(404, "key_not_found", "This account has no such key.")
    return row


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False


def _describe(db: Database, row: sqlite3.Row) -> dict[str, Any]:
    cap = row["monthly_spend_cap"]
    return {
        "key_id": row["key_id"],
        "name": row["name"],
        "hint": row["hint"],
        "monthly_spend_cap_usd": None if cap is None else usd_text(cap),
        "month_spend_usd": usd_text(ledger.month_spend(db, row["key_id"])),
        "alert_webhook_url": row["alert_webhook_url"],
        "geo_policy": row["geo_policy"],
        "created_at": row["created_at"],
    }
