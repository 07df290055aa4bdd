"""Feedback in single and in numbers."""

from __future__ import annotations

from nexevo_async._codec import decode
from nexevo_async.models import Feedback, FeedbackSummary


def test_feedback() -> None:
    """A share may be a whole number or null."""
    assert decode(b'{"rating": -1, "tags": ["incorrect", "rude"]}', Feedback).tags == ["incorrect", "rude"]
    assert decode(b'{"positive_pct": 100, "total": 1}', FeedbackSummary).positive_pct == 100.0
    assert decode(b'{"positive_pct": null}', FeedbackSummary).positive_pct is None
