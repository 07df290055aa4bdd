"""The sandbox's whole state behind one object: what a box opens, fills on first use, shares and closes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Final

from nexevo_async.sandbox import ledger
from nexevo_async.sandbox.accounts import Outbox
from nexevo_async.sandbox.database import Database, StoreError, hash_secret, utc_now
from nexevo_async.sandbox.keys import create_key
from nexevo_async.sandbox.money import NANO
from nexevo_async.sandbox.passwords import hash_password
from nexevo_async.sandbox.users import add_user, find_user

__all__ = ["DEMO_EMAIL", "DEMO_PASSWORD", "OPENING_BALANCE_USD", "Store", "StoreError", "utc_now"]

DEMO_EMAIL: Final = "demo@nexevo.local"
"""Address of the user who owns the box's API key: the main account."""

DEMO_PASSWORD: Final = "nexevo-demo"  # noqa: S105 - printed in the documentation, opens nothing but a sandbox
"""Password of that user, for trying login, second factor and password changes."""

OPENING_BALANCE_USD: Final = 100
"""Dollars the main account starts with."""


class Store(Database):
    """
    The state of a sandbox: accounts, keys, money, conversations, organizations, feedback, sub-accounts.

    See `Database` for threads, files and arguments.

    Raises:
        StoreError: The file is not ours, damaged, or written by a newer version.
    """

    def __init__(
        self, path: str | None = None, *, clock: Callable[[], datetime] = utc_now, seed: int | None = None
    ) -> None:
        super().__init__(path, clock=clock, seed=seed)
        self.outbox = Outbox()
        """The mail that a real service would send; kept in memory only."""

    def bootstrap(self, api_key: str | None = None) -> str:
        """
        Make sure that the main account exists and that a key opens it; return the key.

        Args:
            api_key: The key to use; a store that was filled before adds it when it does not know it. None makes a new
                one, because old keys cannot be read back.

        Raises:
            StoreError: The key is known but was revoked, or belongs to another user.
        """
        with self.transaction():
            user = find_user(self, DEMO_EMAIL)
            if user is None:
                user_id = add_user(self, email=DEMO_EMAIL, full_name="Demo User", password=_demo_password())
                ledger.post(self, user_id, OPENING_BALANCE_USD * NANO, ledger.GRANT, reference="opening balance")
            else:
                user_id = str(user["user_id"])
            if api_key is None:
                return create_key(self, user_id, "sandbox")[0]
            known = self.one("SELECT user_id, revoked_at FROM keys WHERE key_hash = ?", hash_secret(api_key))
            if known is None:
                create_key(self, user_id, "sandbox", secret=api_key)
            elif known["user_id"] != user_id or known["revoked_at"] is not None:
                message = (
                    "the API key given for the sandbox was revoked there, or belongs to another user; choose another"
                )
                raise StoreError(message)
            return api_key

    def reset_tokens(self) -> dict[str, str]:
        """Password reset tokens that wait to be used, by e-mail address: what a real service would have mailed."""
        return dict(self.outbox.reset_tokens)


@functools.cache
def _demo_password() -> str:
    """Hashed once in a process, so that a suite that opens hundreds of boxes does not pay 50 ms for each."""
    return hash_password(DEMO_PASSWORD)
