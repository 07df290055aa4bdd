"""What users' code looks like to a type checker. Checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import assert_type

from nexevo_async import AsyncNexevo, BatchRow, ChatStream, Endpoint, Hooks, Page, RateLimits, Timeout
from nexevo_async.hooks import AttemptStart
from nexevo_async.models import ChatCompletion, CreatedKey, Key, SubAccount
from nexevo_sync import Nexevo


class Trace(Hooks):
    def before_attempt(self, attempt: AttemptStart) -> None:
        attempt.headers["traceparent"] = "00-0-0-00"


async def _key() -> str:
    return "sk-xc-1"


async def _length(client: AsyncNexevo, text: str) -> int:
    return len(text)


def _blocking_length(client: Nexevo, text: str) -> int:
    return len(text)


async def _texts() -> AsyncIterator[str]:
    yield "a"


async def jobs(client: AsyncNexevo, blocking: Nexevo) -> None:
    async for row in client.batch.map(["a"], call=_length, concurrency=8, ordered=True):
        assert_type(row, BatchRow[str, int])
        assert_type(row.item, str)
        assert_type(row.value, int | None)
        assert_type(row.cost, Decimal | None)
    async with client.batch.map(_texts(), call=lambda client, text: client.keys.create(text)) as rows:
        assert_type((await anext(rows)).value, CreatedKey | None)
    for each in blocking.batch.map(["a"], call=_blocking_length):
        assert_type(each, BatchRow[str, int])
    blocking.batch.map(["a"], call=_length)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def calls(flag: bool) -> None:
    client = AsyncNexevo(
        _key,
        base_urls=["https://a.example.com", Endpoint("https://b.example.com", 5)],
        timeout=Timeout(total=30, between_content=20),
        hooks=Trace(),
    )
    messages = [{"role": "user", "content": "Hello!"}]

    whole = await client.chat.completions.create(model="m", messages=messages)
    assert_type(whole, ChatCompletion)
    assert_type(whole.choices[0].message.content, str | None)
    assert_type(whole.nexevo.generation_id, str | None)
    assert_type(whole.limits, RateLimits | None)

    stream = await client.chat.completions.create(model="m", messages=messages, stream=True)
    assert_type(stream, ChatStream)
    async for text in stream.text():
        assert_type(text, str)

    either = await client.chat.completions.create(model="m", messages=messages, stream=flag)
    assert_type(either, ChatCompletion | ChatStream)

    async with client.chat.completions.stream(model="m", messages=messages) as entered:
        assert_type(entered, ChatStream)
        assert_type(await entered.final(), ChatCompletion)

    created = await client.keys.create(name="ci", timeout=5, max_retries=0)
    assert_type(created, CreatedKey)
    assert_type(created.full_key, str)

    page = await client.keys.list()
    assert_type(page, Page[Key])
    assert_type(page.items, list[Key])
    async for key in client.keys.list():
        assert_type(key, Key)

    subs = await client.sub_accounts.list(page_size=-1)
    assert_type(subs[0], SubAccount)
    await client.billing.checkout(amount_usd=Decimal("10.00"), idempotency_key="topup-2026-01-01-001")

    view = client.with_options(timeout=5)
    assert_type(view, AsyncNexevo)
    assert_type(await client.request("GET", "/v1/models", into=ChatCompletion), ChatCompletion)
