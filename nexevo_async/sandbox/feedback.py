"""Feedback on generations, and what it adds up to."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import Any

from nexevo_async.sandbox.database import Database
from nexevo_async.sandbox.errors import ApiError

COMMENT_LIMIT = 2000
"""Most characters of a comment."""


def submit(
    db: Database, user_id: str, *, generation_id: str, rating: int, comment: str | None, tags: list[str]
) -> dict[str, Any]:
    """Keep a rating (1 or -1) of one of the account's own generations; others do not exist for it."""
    known = db.one("SELECT 1 FROM generations WHERE generation_id = ? AND user_id = ?", generation_id, user_id)
    if known is None:
        raise ApiError(404, "generation_not_found", "This account has no such generation.", param="generation_id")
    feedback_id, now = db.new_id("fb"), db.timestamp()
    db.insert(
        "feedback",
        feedback_id=feedback_id,
        user_id=user_id,
        generation_id=generation_id,
        rating=rating,
        comment=comment,
        tags=json.dumps(tags, ensure_ascii=False),
        created_at=now,
    )
    return {
        "feedback_id": feedback_id,
        "generation_id": generation_id,
        "rating": rating,
        "comment": comment,
        "tags": tags,
        "created_at": now,
    }


def summarise(db: Database, user_id: str, days: int) -> dict[str, Any]:
    """The ratings of the last `days` days (UTC, today included); `positive_pct` is 0 when there are none."""
    first = db.now().date() - timedelta(days=days - 1)
    rows = db.all("SELECT rating, tags FROM feedback WHERE user_id = ? AND created_at >= ?", user_id, first.isoformat())
    positive = sum(row["rating"] == 1 for row in rows)
    by_tag = Counter(tag for row in rows for tag in set(json.loads(row["tags"])))
    return {
        "days": days,
        "total": len(rows),
        "positive": positive,
        "negative": len(rows) - positive,
        "positive_pct": round(100 * positive / len(rows), 1) if rows else 0.0,
        "by_tag": dict(by_tag.most_common()),
    }
