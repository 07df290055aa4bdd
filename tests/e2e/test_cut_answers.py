"""Answers that break off although HTTP says that they are whole, in both worlds."""

from __future__ import annotations

import time
from typing import Any

import pytest

from nexevo_async import (
    APIResponseValidationError,
    APITimeoutError,
    NotAnAPIResponseError,
    OutcomeUnknownError,
    Timeout,
)
from tests.e2e.load import MESSAGES, at_rate, chat, duplicates, states
from tests.e2e.worlds import AsyncWorld, World, one_world


async def test_a_read_whose_answer_breaks_off_is_asked_elsewhere(world: World) -> None:
    """The base is not trusted, the caller notices nothing."""
    async with world.sandbox(bases=2) as box, world.client() as client:
        box.fault(0, "cut_json")
        assert (await client.billing.balance()).balance_usd
        assert [entry.base for entry in box.journal() if entry.route == "billing.balance"] == [0, 1]


async def test_a_paid_answer_that_breaks_off_is_raised_and_not_paid_again(world: World) -> None:
    async with world.sandbox(bases=2) as box, world.client() as client:
        box.fault(None, "cut_json")
        with pytest.raises(APIResponseValidationError) as caught:
            await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
        assert not isinstance(caught.value, NotAnAPIResponseError)
        assert sum(entry.route == "chat.completions.create" for entry in box.journal()) == 1


@pytest.mark.parametrize("body", ["healthy", one_world(""), one_world('"x"')])
async def test_a_base_that_answers_reads_with_something_else_fails_none_and_is_left(world: World, body: str) -> None:
    async with world.sandbox(bases=2) as box, world.client() as client:
        box.fault(0, "status", status=200, body=body)
        for _ in range(12):
            assert (await client.billing.balance()).balance_usd
        assert states(client)[box.base_urls[0]] != "healthy"
        assert [entry.base for entry in box.journal() if entry.route == "billing.balance"].count(0) <= 4


async def test_a_base_that_breaks_off_its_chats_is_left_after_a_few(world: World) -> None:
    """None of those few is paid twice."""
    async with world.sandbox(bases=3) as box, world.client() as client:
        box.fault(0, "cut_json")
        outcome = await at_rate(world, chat(client), 100, seconds=1.0)
        assert 1 <= len(outcome.failures) <= 4
        assert {type(error) for error in outcome.failures} == {APIResponseValidationError}
        assert duplicates(box, "chat.completions.create") == 0


async def test_a_base_whose_answers_have_the_wrong_shape_is_left_once_two_kinds_of_call_have_met_it(
    world: World,
) -> None:
    """It is too late for the call itself. One field that the service has changed is no reason to leave a base."""
    async with world.sandbox(bases=2) as box, world.client() as client:
        fault = box.fault(0, "status", status=200, body=[1], route="billing.balance")
        for _ in range(4):
            with pytest.raises(APIResponseValidationError):
                await client.billing.balance()
        assert states(client)[box.base_urls[0]] == "healthy"
        fault.clear()
        box.fault(0, "status", status=200, body=[1])
        failed = 0
        for number in range(12):
            try:
                await (client.keys.list() if number % 2 else client.billing.balance())
            except APIResponseValidationError:
                failed += 1
        assert 1 <= failed <= 4
        assert states(client)[box.base_urls[0]] != "healthy"


@pytest.mark.parametrize("options", [{"kind": "cut_json"}, {"kind": "status", "status": 200, "body": "done"}])
async def test_a_creating_call_whose_answer_nobody_can_read_says_that_it_may_have_been_done(
    world: World, options: dict[str, Any]
) -> None:
    async with world.sandbox(bases=2) as box, world.client() as client:
        box.fault(None, route="keys.create", **options)
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.keys.create("once")
        assert caught.value.look_at == "keys.list"
        assert isinstance(caught.value.__cause__, APIResponseValidationError)
        assert len([entry for entry in box.journal() if entry.route == "keys.create"]) == 1


async def test_the_limit_for_a_free_connection_counts_once(world: World) -> None:
    """Waiting again for another base would not help: all bases share the connections."""
    async with world.sandbox(bases=3) as box, world.client(max_connections=1) as client:
        box.fault(None, "slow", delay=0.5)
        busy = world.begin(chat(client))
        await world.sleep(0.1)
        began = time.monotonic()
        with pytest.raises(APITimeoutError) as caught:
            await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES, timeout=Timeout(pool=0.1))
        assert time.monotonic() - began < 0.3
        assert (caught.value.limit, caught.value.delivery) == ("pool", "never")
        await busy


async def test_a_raw_list_goes_page_by_page() -> None:
    """The rule for the next page reads the answer, raw or not. A blocking client's raw list is its first answer."""
    world = AsyncWorld()
    async with world.sandbox(bases=1), world.client() as client:
        pricing = [{"model": "nexevo/fast", "pricing_factor": 1}]
        await client.sub_accounts.create(alias="raw", balance="0.5", model_pricing=pricing, count=3)
        raw = client.with_raw_response.sub_accounts.list(page_size=2)
        answers: list[Any] = [answer async for answer in raw.pages()]
        assert [answer.status for answer in answers] == [200, 200]
        assert [len(answer.parse()) for answer in answers] == [2, 1]
