"""``client.feedback``."""

from __future__ import annotations

from typing import Any

import pytest

from nexevo_async.errors import ConfigurationError
from nexevo_async.resources.feedback import FeedbackResource
from tests.resources.conftest import ScriptedTransport


async def test_submit(transport: ScriptedTransport) -> None:
    """Only what was set is sent."""
    await FeedbackResource(transport).submit(generation_id="gen_1", rating=-1)

    assert transport.last.line == "POST /v1/feedback"
    assert transport.last.body == {"generation_id": "gen_1", "rating": -1}


async def test_submit_with_everything(transport: ScriptedTransport) -> None:
    """Tags may be any collection."""
    transport.answer = {"feedback_id": "fb_1", "rating": 1, "tags": ["accurate"]}

    stored = await FeedbackResource(transport).submit(
        generation_id="gen_1", rating=1, comment="x" * 2000, tags=("accurate",)
    )

    assert transport.last.body == {
        "generation_id": "gen_1",
        "rating": 1,
        "comment": "x" * 2000,
        "tags": ["accurate"],
    }
    assert (stored.feedback_id, stored.tags) == ("fb_1", ["accurate"])


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"rating": 0}, "rating must be exactly 1"),
        ({"rating": True}, "rating must be exactly 1"),
        ({"rating": 1.0}, "rating must be exactly 1"),
        ({"rating": 5}, "rating must be exactly 1"),
        ({"comment": "x" * 2001}, "comment must be 0 to 2000 characters"),
        ({"comment": 7}, "comment must be text"),
        ({"tags": "accurate"}, "tags must be a list of texts, not text"),
        ({"tags": [""]}, r"tags\[0\] must not be empty"),
        ({"generation_id": ""}, "generation_id must not be empty"),
    ],
)
async def test_feedback_that_cannot_be(transport: ScriptedTransport, arguments: dict[str, Any], problem: str) -> None:
    """Nothing is sent."""
    with pytest.raises(ConfigurationError, match=problem):
        await FeedbackResource(transport).submit(**({"generation_id": "gen_1", "rating": 1} | arguments))

    assert transport.sent == []


async def test_summary(transport: ScriptedTransport) -> None:
    """The share of good ones is a number; further ones are kept."""
    transport.answer = {"positive_pct": 66.7, "total": 3, "by_tag": {"accurate": 2}}

    summary = await FeedbackResource(transport).summary(days=30)

    assert (transport.last.line, transport.last.query) == ("GET /v1/feedback/summary", {"days": 30})
    assert summary.positive_pct == summary["positive_pct"] == 66.7
    assert summary["by_tag"] == {"accurate": 2}
