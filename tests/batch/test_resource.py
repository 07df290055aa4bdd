"""`client.batch` against the sandbox."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from nexevo_async import AsyncNexevo, ConfigurationError, QuotaExceededError
from nexevo_async.models import ChatCompletion
from nexevo_async.sandbox import Sandbox

CHAT = "chat.completions.create"


async def ask(client: AsyncNexevo, text: str) -> ChatCompletion:
    return await client.chat.completions.create(model="nexevo/fast", messages=[{"role": "user", "content": text}])


def texts(count: int) -> list[str]:
    return [f"question {number}" for number in range(count)]


async def test_every_question_has_its_answer() -> None:
    async with Sandbox(rate_limit=None) as box, AsyncNexevo(box.api_key, base_url=box.base_url) as client:
        rows = [row async for row in client.batch.map(texts(100), call=ask, ordered=True)]
    assert [(row.index, row.item, row.attempts, row.cost) for row in rows] == [
        (number, f"question {number}", 1, None) for number in range(100)
    ]
    for row in rows:
        assert row.value is not None
        assert row.item in (row.value.choices[0].message.content or "")


async def test_a_price_that_comes_with_the_answer_stands_in_the_row() -> None:
    """Exactly; the sandbox tells none by itself."""
    body = {"id": "x", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.00004125}}
    async with Sandbox(rate_limit=None) as box, AsyncNexevo(box.api_key, base_url=box.base_url) as client:
        box.fault(0, "status", status=200, body=body, route=CHAT)
        rows = [row async for row in client.batch.map(texts(3), call=ask)]
    assert [row.cost for row in rows] == [Decimal("0.00004125")] * 3


async def test_every_row_comes_once_while_a_base_fails() -> None:
    """Some are answered elsewhere, some may have been delivered and are told as errors: each exactly once."""
    async with (
        Sandbox(bases=3, rate_limit=None, seed=7) as box,
        AsyncNexevo(box.api_key, base_urls=box.base_urls) as client,
    ):
        box.fault(0, "reset", route=CHAT, probability=0.3)
        box.fault(1, "status", status=503, route=CHAT, probability=0.3)
        box.fault(2, "status", status=422, route=CHAT, probability=0.1)
        rows = [row async for row in client.batch.map(texts(400), call=ask, concurrency=32)]
        sent = Counter(entry.route for entry in box.journal())[CHAT]
    assert sorted(row.index for row in rows) == [*range(400)]
    assert all((row.value is None) is (row.error is not None) for row in rows)
    assert any(row.attempts > 1 for row in rows)
    assert sum(row.attempts for row in rows) == sent


async def test_a_used_up_quota_ends_the_job_and_another_one_does_the_rest() -> None:
    async with Sandbox(rate_limit=None) as box, AsyncNexevo(box.api_key, base_url=box.base_url) as client:
        answered: set[str] = set()

        async def work(questions: list[str]) -> None:
            async for row in client.batch.map(questions, call=ask, concurrency=8):
                assert row.error is None
                answered.add(row.item)
                if len(answered) == 20:
                    fault = {"error": {"code": "tenant_monthly_quota_exceeded", "message": "used up"}}
                    box.fault(0, "status", status=429, body=fault, route=CHAT)

        with pytest.raises(QuotaExceededError):
            await work(texts(100))
        assert 20 <= len(answered) <= 20 + 8 + 8
        box.clear_faults()
        await work([text for text in texts(100) if text not in answered])
        assert answered == {*texts(100)}


async def test_the_client_that_is_given_is_a_view_of_this_one() -> None:
    class Mine(AsyncNexevo):
        pass

    async def closes(client: AsyncNexevo, item: int) -> AsyncNexevo:
        await client.aclose()
        return client

    async with Sandbox(rate_limit=None) as box, Mine(box.api_key, base_url=box.base_url) as client:
        view = client.with_options(timeout=5)
        rows = [row async for row in view.batch.map([1, 2], call=closes)]
        assert [type(row.value) for row in rows] == [Mine] * 2
        assert rows[0].value is not None
        assert rows[0].value._transport.settings is view._transport.settings
        assert not client.is_closed


async def test_a_client_that_is_closed_ends_its_jobs() -> None:
    async with Sandbox(rate_limit=None) as box, AsyncNexevo(box.api_key, base_url=box.base_url) as client:
        box.fault(0, "hang", route=CHAT)
        rows = client.batch.map(texts(1000), call=ask, concurrency=4)
        first = asyncio.ensure_future(anext(rows))
        async with asyncio.timeout(5):
            while len(box.journal()) < 4:  # noqa: ASYNC110 - the journal has no event
                await asyncio.sleep(0.001)
        await client.aclose()
        with pytest.raises(RuntimeError, match="the client was closed during the call"):
            await first
        assert [row async for row in rows] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"concurrency": 0}, "concurrency must be at least 1; it is 0"),
        ({"concurrency": 1.5}, "concurrency must be a whole number"),
        ({"concurrency": True}, "concurrency must be a whole number"),
        ({"call": "ask"}, "call must be a function of a client and an item, not str"),
        ({"items": 7}, "items must be an iterable, sync or async, not int"),
        ({"items": "question"}, "items must be an iterable of items, not a single text"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_begins(arguments: dict[str, Any], message: str) -> None:
    """Where it is called, and no loop is needed for that."""
    batch = AsyncNexevo("sk-xc-test").batch
    call: Any = {"items": [], "call": ask, **arguments}
    with pytest.raises(ConfigurationError, match=message):
        batch.map(call.pop("items"), **call)
