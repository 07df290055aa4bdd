"""Who is asking: from a bearer token to the account that answers for the call."""

from __future__ import annotations

from typing import Literal

import attrs

from nexevo_async.sandbox.database import Database, hash_secret
from nexevo_async.sandbox.errors import ApiError


@attrs.frozen
class Principal:
    """
    The holder of a valid token.

    Attributes:
        kind: `main` (a key of the account), `sub` (a sub-account's token) or `login` (a person who logged in).
        user_id: The account; for a sub-account, the main account above it.
        key_id: `key_…`, `sub-…` or `login-…`: safe to log, and what spend is counted under.
        name: What the owner calls the key, the alias of the sub-account, or the e-mail address.
        sub_account_id: Number of the sub-account; None for the other kinds.
    """

    kind: Literal["main", "sub", "login"]
    user_id: str
    key_id: str
    name: str
    sub_account_id: int | None = None


def authenticate(store: Database, token: str) -> Principal:
    """
    Find the holder of a bearer token.

    Raises:
        ApiError: 401 `invalid_api_key`, the same for unknown, revoked and expired tokens.
    """
    principal = _find(store, token) if token.isascii() else None
    if principal is None:
        message = "The API key is not valid: it is unknown, revoked or expired. Check NEXEVO_API_KEY."
        raise ApiError(401, "invalid_api_key", message)
    return principal


def _find(store: Database, token: str) -> Principal | None:
    token_hash = hash_secret(token)
    row = store.one("SELECT user_id, key_id, name FROM keys WHERE key_hash = ? AND revoked_at IS NULL", token_hash)
    if row is not None:
        return Principal("main", row["user_id"], row["key_id"], row["name"])
    row = store.one("SELECT user_id, id, alias FROM sub_accounts WHERE token = ? AND enabled", token)
    if row is not None:
        return Principal("sub", row["user_id"], f"sub-{row['id']}", row["alias"], row["id"])
    row = store.one(
        "SELECT user_id, login_id, email FROM logins JOIN users USING (user_id)"
        " WHERE token_hash = ? AND expires_at > ?",
        token_hash,
        store.timestamp(),
    )
    return None if row is None else Principal("login", row["user_id"], row["login_id"], row["email"])
