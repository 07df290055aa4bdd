"""Answers that break off although HTTP says that they are whole."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from nexevo_async import APIResponseValidationError, APITimeoutError, AsyncNexevo, NotAnAPIResponseError, Timeout
from nexevo_async.sandbox import Sandbox

MESSAGES = [{"role": "user", "content": "Hello!"}]


async def test_a_read_whose_answer_breaks_off_is_asked_elsewhere() -> None:
    """The base is not trusted, the caller notices nothing."""
    async with Sandbox(bases=2, rate_limit=None) as box, AsyncNexevo(box.api_key, base_urls=box.base_urls) as client:
        box.fault(0, "cut_json")
        assert (await client.billing.balance()).balance_usd
        assert [entry.base for entry in box.journal() if entry.route == "billing.balance"] == [0, 1]


async def test_a_paid_answer_that_breaks_off_is_raised_and_not_paid_again() -> None:
    async with Sandbox(bases=2, rate_limit=None) as box, AsyncNexevo(box.api_key, base_urls=box.base_urls) as client:
        box.fault(None, "cut_json")
        with pytest.raises(APIResponseValidationError) as caught:
            await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
        assert not isinstance(caught.value, NotAnAPIResponseError)
        assert sum(entry.route == "chat.completions.create" for entry in box.journal()) == 1


async def test_the_limit_for_a_free_connection_counts_once() -> None:
    """Waiting again for another base would not help: all bases share the connections."""
    async with (
        Sandbox(bases=3, rate_limit=None) as box,
        AsyncNexevo(box.api_key, base_urls=box.base_urls, max_connections=1) as client,
    ):
        box.fault(None, "slow", delay=0.5)
        busy = asyncio.create_task(client.chat.completions.create(model="nexevo/fast", messages=MESSAGES))
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        with pytest.raises(APITimeoutError) as caught:
            await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES, timeout=Timeout(pool=0.1))
        assert asyncio.get_running_loop().time() - began < 0.3
        assert (caught.value.limit, caught.value.delivery) == ("pool", "never")
        await busy


async def test_a_raw_list_goes_page_by_page() -> None:
    """The rule for the next page reads the answer, raw or not."""
    async with Sandbox(rate_limit=None) as box, AsyncNexevo(box.api_key, base_url=box.base_url) as client:
        pricing = [{"model": "nexevo/fast", "pricing_factor": 1}]
        await client.sub_accounts.create(alias="raw", balance="0.5", model_pricing=pricing, count=3)
        raw = client.with_raw_response.sub_accounts.list(page_size=2)
        answers: list[Any] = [answer async for answer in raw.pages()]
        assert [answer.status for answer in answers] == [200, 200]
        assert [len(answer.parse()) for answer in answers] == [2, 1]
