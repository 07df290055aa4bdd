"""Feedback on generations."""

from __future__ import annotations

from datetime import datetime

from nexevo_async.models._common import Model, model


@model
class Feedback(Model):
    """
    A feedback as it was stored.

    Attributes:
        feedback_id: Its id.
        generation_id: The generation it is about.
        rating: 1 for good, -1 for bad.
        comment: What was said about it, or None.
        tags: Free words.
        created_at: When it was given, with its offset.

    .. versionadded:: 0.1.0
    """

    feedback_id: str | None = None
    generation_id: str | None = None
    rating: int | None = None
    comment: str | None = None
    tags: list[str] | None = None
    created_at: datetime | None = None


@model
class FeedbackSummary(Model):
    """
    The feedback of the last days in numbers.

    Attributes:
        positive_pct: How much of it was good, in per cent from 0 to 100; None if the service has none to count.
        total: How many there were.
        positive: How many were good.
        negative: How many were bad.

    .. versionadded:: 0.1.0
    """

    positive_pct: float | None = None
    total: int | None = None
    positive: int | None = None
    negative: int | None = None
