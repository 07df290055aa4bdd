"""Sub-accounts (contract, section 5): tokens with their own balance, limited to the models that have a price."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from nexevo_async.sandbox import ledger
from nexevo_async.sandbox.database import Database
from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.keys import new_secret
from nexevo_async.sandbox.money import platform_text, usd_text

PREFIX = "sk-"

_CHINA = timezone(timedelta(hours=8))  # the platform shows its own time of day


def create_sub_accounts(
    db: Database, user_id: str, *, alias: str, balance: int, pricing: dict[str, Decimal], count: int
) -> list[dict[str, Any]]:
    """Make `count` sub-accounts and move `balance` nano-dollars to each of them from the main account."""
    with db.transaction():
        left = ledger.balance(db, user_id)
        if left < balance * count:
            message = (
                f"The main account has {usd_text(left)} USD, and {usd_text(balance * count)} USD are to be handed out."
            )
            raise ApiError(402, "insufficient_balance", message)
        numbers = [_create(db, user_id, alias, balance, pricing) for _ in range(count)]
        return [_describe(db, row) for row in _rows(db, user_id, "id", numbers)]


def list_sub_accounts(
    db: Database, user_id: str, *, alias: str | None, token: str | None, page: int, page_size: int
) -> dict[str, Any]:
    """One page of the account's sub-accounts, oldest first; `page_size` -1 is all of them. Filters match exactly."""
    where, parameters = "user_id = ?", [user_id]
    for column, wanted in (("alias", alias), ("token", token)):
        if wanted is not None:
            where += f" AND {column} = ?"
            parameters.append(wanted)
    total = db.value(f"SELECT count(*) FROM sub_accounts WHERE {where}", *parameters)  # noqa: S608 - columns named above
    rows = db.all(
        f"SELECT * FROM sub_accounts WHERE {where} ORDER BY id LIMIT ? OFFSET ?",  # noqa: S608 - columns named above
        *parameters,
        page_size,
        (page - 1) * max(page_size, 0),
    )
    return {"items": [_describe(db, row) for row in rows], "total": total, "page": page, "pageSize": page_size}


def update_sub_accounts(
    db: Database, user_id: str, tokens: Sequence[str], *, alias: str | None, pricing: dict[str, Decimal] | None
) -> str | None:
    """Give all of them a new alias or new prices; None leaves a value. Returns a complaint when one is unknown."""
    with db.transaction():
        rows = _rows(db, user_id, "token", tokens)
        complaint = _unknown(tokens, rows)
        if complaint is None:
            for row in rows:
                db.run(
                    "UPDATE sub_accounts SET alias = ?, model_pricing = ?, updated_at = ? WHERE id = ?",
                    row["alias"] if alias is None else alias,
                    row["model_pricing"] if pricing is None else _encode(pricing),
                    db.timestamp(),
                    row["id"],
                )
        return complaint


def delete_sub_accounts(db: Database, user_id: str, tokens: Sequence[str]) -> str | None:
    """Delete them all and move what they have left back. Returns a complaint, and deletes none, when one is unknown."""
    with db.transaction():
        rows = _rows(db, user_id, "token", tokens)
        complaint = _unknown(tokens, rows)
        if complaint is None:
            for row in rows:
                _move(db, user_id, row["id"], -row["balance"])
                db.run("DELETE FROM spend WHERE key_id = ?", f"sub-{row['id']}")
                db.run("DELETE FROM sub_accounts WHERE id = ?", row["id"])
        return complaint


def _create(db: Database, user_id: str, alias: str, balance: int, pricing: dict[str, Decimal]) -> int:
    now = db.timestamp()
    number = db.insert(
        "sub_accounts",
        user_id=user_id,
        token=new_secret(PREFIX),
        alias=alias,
        model_pricing=_encode(pricing),
        created_at=now,
        updated_at=now,
    )
    _move(db, user_id, number, balance)
    return number


def _move(db: Database, user_id: str, number: int, amount: int) -> None:
    """Move nano-dollars from the main account to the sub-account; negative moves them back."""
    if amount:
        reference = f"sub-{number}"
        ledger.post(db, user_id, -amount, ledger.TRANSFER, reference=reference)
        ledger.post(db, user_id, amount, ledger.TRANSFER, reference=reference, sub_account_id=number)


def _rows(db: Database, user_id: str, column: str, values: Sequence[object]) -> list[sqlite3.Row]:
    marks = ", ".join("?" * len(values))
    statement = f"SELECT * FROM sub_accounts WHERE user_id = ? AND {column} IN ({marks}) ORDER BY id"  # noqa: S608
    return db.all(statement, user_id, *values)


def _unknown(tokens: Sequence[str], rows: Sequence[sqlite3.Row]) -> str | None:
    """What to say about tokens that were not found, without showing them."""
    wanted = len(set(tokens))
    if len(rows) == wanted:
        return None
    return f"{wanted - len(rows)} of {wanted} sub-accounts are unknown; nothing was changed."


def _encode(pricing: dict[str, Decimal]) -> str:
    return json.dumps({model: f"{factor:f}" for model, factor in pricing.items()}, ensure_ascii=False)


def _describe(db: Database, row: sqlite3.Row) -> dict[str, Any]:
    number = db.value("SELECT number FROM users WHERE user_id = ?", row["user_id"])
    pricing = json.loads(row["model_pricing"])
    return {
        "id": row["id"],
        "user_id": number,
        "token": row["token"],
        "token_type": "slave",
        "alias": row["alias"],
        "enabled": bool(row["enabled"]),
        "model_pricing": [{"model": model, "pricing_factor": _number(factor)} for model, factor in pricing.items()],
        "balance": platform_text(row["balance"]),
        "monthly_cost": platform_text(ledger.month_spend(db, f"sub-{row['id']}")),
        "created_at": _platform_time(row["created_at"]),
        "updated_at": _platform_time(row["updated_at"]),
    }


def _number(text: str) -> int | float:
    """A factor is a JSON number, as it was sent."""
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else float(number)


def _platform_time(text: str) -> str:
    return datetime.fromisoformat(text).astimezone(_CHINA).isoformat(timespec="microseconds")
