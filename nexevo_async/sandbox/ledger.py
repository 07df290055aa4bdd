"""The ledger: every movement of money as one entry that is never changed, and balances that are the sum of them."""

from __future__ import annotations

from nexevo_async.sandbox.database import Database

GRANT, TOP_UP, USAGE, TRANSFER = "grant", "top_up", "usage", "transfer"
"""Kinds of entries: a present, a settled checkout, a paid generation, a move between account and sub-account."""


def post(
    db: Database,
    user_id: str,
    amount: int,
    kind: str,
    *,
    reference: str | None = None,
    sub_account_id: int | None = None,
) -> bool:
    """
    Write one entry and move the balance with it; False when the account is gone.

    Args:
        db: The state.
        user_id: The account.
        amount: Nano-dollars; negative takes money away.
        kind: Why, one of the kinds above.
        reference: Id of what caused it.
        sub_account_id: The sub-account whose balance moves; None moves the account's own.
    """
    with db.transaction():
        if sub_account_id is None:
            moved = db.run("UPDATE users SET balance = balance + ? WHERE user_id = ?", amount, user_id)
        else:
            moved = db.run("UPDATE sub_accounts SET balance = balance + ? WHERE id = ?", amount, sub_account_id)
        if not moved:
            return False
        db.insert(
            "ledger",
            user_id=user_id,
            sub_account_id=sub_account_id,
            kind=kind,
            amount=amount,
            reference=reference,
            created_at=db.timestamp(),
        )
    return True


def balance(db: Database, user_id: str, *, sub_account_id: int | None = None) -> int:
    """Nano-dollars left to the account, or to its sub-account; 0 when it is gone."""
    if sub_account_id is None:
        left = db.value("SELECT balance FROM users WHERE user_id = ?", user_id)
    else:
        left = db.value("SELECT balance FROM sub_accounts WHERE id = ?", sub_account_id)
    return int(left or 0)


def add_spend(db: Database, key_id: str, amount: int) -> None:
    """Count nano-dollars against a key in the running month."""
    db.run(
        "INSERT INTO spend VALUES (?, ?, ?)"
        " ON CONFLICT (key_id, month) DO UPDATE SET amount = amount + excluded.amount",
        key_id,
        db.month(),
        amount,
    )


def month_spend(db: Database, key_id: str) -> int:
    """Nano-dollars that a key has spent in the running month."""
    return int(db.value("SELECT amount FROM spend WHERE key_id = ? AND month = ?", key_id, db.month()) or 0)
