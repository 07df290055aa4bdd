"""The transport that is lent to a worker, over a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from nexevo_async import AsyncNexevo, AuthenticationError, StreamTruncatedError
from nexevo_async.batch._metered import MeteredTransport
from nexevo_async.sandbox import Sandbox

MESSAGES = [{"role": "user", "content": "Hello!"}]


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(rate_limit=None) as box:
        yield box


@pytest.fixture
async def lent(box: Sandbox) -> AsyncIterator[tuple[AsyncNexevo, MeteredTransport]]:
    async with AsyncNexevo(box.api_key, base_url=box.base_url) as client:
        meter = MeteredTransport(client._transport)
        yield client._over(meter), meter


async def test_every_attempt_counts(box: Sandbox, lent: tuple[AsyncNexevo, MeteredTransport]) -> None:
    """Those of streams and lists too, and those that fail."""
    client, meter = lent
    await client.models.list()
    assert meter.attempts == 1
    box.fault(0, "status", status=503, count=1)
    await client.models.list()
    assert meter.attempts == 3
    async with client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES) as stream:
        await stream.final()
    assert meter.attempts == 4
    with pytest.raises(AuthenticationError):
        await client.with_options(api_key="sk-xc-wrong").models.list()
    assert meter.attempts == 4  # a view of the view is another way
    box.fault(0, "status", status=401, count=1)
    with pytest.raises(AuthenticationError):
        await client.models.list()
    assert meter.attempts == 5
    meter.begin()
    assert meter.attempts == 0


async def test_a_call_under_way_is_cancelled_and_no_other_begins(
    box: Sandbox, lent: tuple[AsyncNexevo, MeteredTransport]
) -> None:
    client, meter = lent
    box.fault(0, "hang")
    calls = [asyncio.ensure_future(client.models.list().pages().__anext__()) for _ in range(3)]
    async with asyncio.timeout(5):
        while len(box.journal()) < 3:  # noqa: ASYNC110 - the journal has no event
            await asyncio.sleep(0.001)
    meter.cut()
    done, _ = await asyncio.wait(calls)
    assert [call.cancelled() for call in done] == [True] * 3
    with pytest.raises(asyncio.CancelledError):
        await client.models.list()
    assert len(box.journal()) == 3


async def test_a_stream_that_is_read_breaks_off(box: Sandbox, lent: tuple[AsyncNexevo, MeteredTransport]) -> None:
    """And its endpoint is as good as before."""
    client, meter = lent
    box.fault(0, "stream_stall", after=2)
    stream = await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES, stream=True)
    await anext(stream)
    reading = asyncio.ensure_future(stream.final())
    await asyncio.sleep(0)
    meter.cut()
    with pytest.raises(StreamTruncatedError):
        await reading
    assert {status.last_error for status in client.endpoints.snapshot()} == {None}
