"""Feedback: on one's own generations, within limits, summed up."""

from __future__ import annotations

from decimal import Decimal

import pytest

FEEDBACK = "/v1/feedback"


async def test_feedback_is_kept_for_the_generation_just_made(api) -> None:
    chat = {"model": "nexevo/fast", "messages": [{"role": "user", "content": "Hello!"}]}
    answer = await api.call("POST", "/v1/chat/completions", chat)
    body = {
        "generation_id": answer["nexevo"]["generation_id"],
        "rating": 1,
        "comment": "Nice.",
        "tags": ["accurate", "my own"],
    }
    saved = await api.call("POST", FEEDBACK, body, expect=201)
    assert saved.pop("feedback_id").startswith("fb_")
    assert saved == {**body, "created_at": "2026-01-15T12:00:00.000000+00:00"}


async def test_comment_and_tags_may_be_left_out(api) -> None:
    saved = await api.call("POST", FEEDBACK, {"generation_id": api.spend("0.1"), "rating": -1}, expect=201)
    assert (saved["comment"], saved["tags"]) == (None, [])


@pytest.mark.parametrize("rating", [0, 2, -2, True, False, 1.0, "1", None])
async def test_a_rating_is_exactly_1_or_minus_1(api, rating: object) -> None:
    body = {"generation_id": api.spend("0.1"), "rating": rating}
    assert (await api.refused("POST", FEEDBACK, body))[1] == "rating"


async def test_a_comment_has_at_most_2000_characters(api) -> None:
    body = {"generation_id": api.spend("0.1"), "rating": 1, "comment": "é" * 2000}
    await api.call("POST", FEEDBACK, body, expect=201)
    assert (await api.refused("POST", FEEDBACK, {**body, "comment": "é" * 2001}))[1] == "comment"


@pytest.mark.parametrize("tags", ["accurate", [1], [""], ["x" * 101], ["x"] * 51])
async def test_tags_are_a_list_of_short_strings(api, tags: object) -> None:
    body = {"generation_id": api.spend("0.1"), "rating": 1, "tags": tags}
    assert (await api.refused("POST", FEEDBACK, body))[1] == "tags"


async def test_a_generation_must_exist_and_be_ones_own(api) -> None:
    theirs = api.spend("0.1")
    _, token = await api.someone("ann@example.com")
    for generation_id in ("gen_unknown", theirs):
        body = {"generation_id": generation_id, "rating": 1}
        refused = await api.refused("POST", FEEDBACK, body, key=token, expect=404)
        assert refused == ("generation_not_found", "generation_id")


async def test_the_summary_counts_ratings_and_tags_of_the_days_asked_for(api) -> None:
    generation_id = api.spend("0.1")

    async def rate(rating: int, *tags: str) -> None:
        body = {"generation_id": generation_id, "rating": rating, "tags": list(tags)}
        await api.call("POST", FEEDBACK, body, expect=201)

    await rate(-1, "incorrect")
    api.clock.advance(days=10)
    await rate(1, "accurate", "accurate")
    await rate(1, "accurate", "too_verbose")
    await rate(-1, "too_verbose")
    assert await api.call("GET", f"{FEEDBACK}/summary?days=10") == {
        "days": 10,
        "total": 3,
        "positive": 2,
        "negative": 1,
        "positive_pct": Decimal("66.7"),
        "by_tag": {"accurate": 2, "too_verbose": 2},
    }
    assert (await api.call("GET", f"{FEEDBACK}/summary"))["total"] == 4


async def test_a_summary_of_nothing_is_all_zero(api) -> None:
    assert await api.call("GET", f"{FEEDBACK}/summary?days=7") == {
        "days": 7,
        "total": 0,
        "positive": 0,
        "negative": 0,
        "positive_pct": 0,
        "by_tag": {},
    }
