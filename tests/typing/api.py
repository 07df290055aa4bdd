"""What users' code looks like to a type checker. Checked by mypy and pyright, never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from decimal import Decimal
from typing import assert_type

import nexevo_sync
from nexevo_async import AsyncNexevo, BatchRow, ChatStream, Endpoint, Hooks, Page, RateLimits, RawResponse, Timeout
from nexevo_async.hooks import AttemptStart
from nexevo_async.models import ChatCompletion, CreatedKey, EndpointStatus, Key, SubAccount
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


async def raw_calls(client: AsyncNexevo) -> None:
    raw = client.with_raw_response
    messages = [{"role": "user", "content": "Hello!"}]

    answer = await raw.chat.completions.create(model="m", messages=messages)
    assert_type(answer, RawResponse[ChatCompletion])
    assert_type(answer.status, int)
    assert_type(answer.headers, Mapping[str, str])
    assert_type(answer.content, bytes)
    assert_type(answer.parse(), ChatCompletion)
    _ = answer.choices  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    assert_type(await raw.chat.completions.create(model="m", messages=messages, stream=True), ChatStream)
    async with raw.chat.completions.stream(model="m", messages=messages) as stream:
        assert_type(stream, ChatStream)

    assert_type((await raw.keys.create(name="ci", timeout=5)).parse(), CreatedKey)
    await raw.keys.create()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    assert_type((await raw.keys.list()).parse(), Page[Key])
    async for page in raw.sub_accounts.list(page_size=2).pages():
        assert_type(page, RawResponse[Page[SubAccount]])
    assert_type((await raw.request("GET", "/v1/models", into=ChatCompletion)).parse(), ChatCompletion)
    assert_type(raw.endpoints.snapshot(), tuple[EndpointStatus, ...])
    assert_type((await raw.with_options(timeout=5).keys.create("ci")).status, int)
    async for row in raw.batch.map(["ci"], call=lambda view, name: view.keys.create(name)):
        assert_type(row.value, RawResponse[CreatedKey] | None)


def blocking_raw_calls(client: Nexevo) -> None:
    raw = client.with_raw_response
    messages = [{"role": "user", "content": "Hello!"}]

    answer = raw.chat.completions.create(model="m", messages=messages)
    assert_type(answer, RawResponse[ChatCompletion])
    assert_type(answer.status, int)
    assert_type(answer.headers, Mapping[str, str])
    assert_type(answer.content, bytes)
    assert_type(answer.parse(), ChatCompletion)
    _ = answer.choices  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    assert_type(raw.chat.completions.create(model="m", messages=messages, stream=True), nexevo_sync.ChatStream)

    assert_type(raw.keys.create(name="ci", timeout=5).parse(), CreatedKey)
    listed = raw.sub_accounts.list(page_size=2)
    assert_type(listed.status, int)
    assert_type(listed.parse(), Page[SubAccount])
    assert_type(listed.pages(), Iterator[RawResponse[Page[SubAccount]]])
    assert_type(raw.request("GET", "/v1/models", into=ChatCompletion).parse(), ChatCompletion)
    assert_type(raw.with_options(timeout=5).keys.create("ci").status, int)
    for row in raw.batch.map(["ci"], call=lambda view, name: view.keys.create(name)):
        assert_type(row.value, RawResponse[CreatedKey] | None)
