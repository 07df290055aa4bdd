"""
What goes wrong between client and service, and what callers get to see: one test source for both clients.

`test_scenarios.py` runs them with `AsyncNexevo`, `tests/sync/test_facade_faults.py` with `Nexevo`. See `worlds.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from nexevo_async import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    InternalServerError,
    NotAnAPIResponseError,
    OutcomeUnknownError,
    QuotaExceededError,
    RateLimitError,
    StreamError,
    StreamTruncatedError,
    Timeout,
)
from tests.e2e.worlds import World

Scenario = Callable[[World], Awaitable[None]]

CHAT = "chat.completions.create"
MESSAGES = [{"role": "user", "content": "Hello there, what is new?"}]

SCENARIOS: list[Scenario] = []


def scenario(function: Scenario) -> Scenario:
    """Have a coroutine function run in both worlds."""
    SCENARIOS.append(function)
    return function


def arrived(world: World, route: str) -> list[int | str]:
    """Which bases saw a call of this route, in order."""
    return [entry.base for entry in world.box.journal() if entry.route == route]


# Failover


@scenario
async def a_refused_base_is_left_for_the_next(world: World) -> None:
    world.box.fault(0, "refuse")
    async with world.client() as client:
        answer = await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
        assert answer.choices[0].finish_reason == "stop"
        states = {status.url: status.state for status in client.endpoints.snapshot()}
    assert arrived(world, CHAT) == [1]
    assert states[world.box.base_urls[0]] != "healthy"


@scenario
async def an_unsafe_call_that_never_left_is_sent_elsewhere(world: World) -> None:
    world.box.fault(0, "refuse")
    async with world.client() as client:
        created = await client.keys.create("elsewhere")
        assert created.key.name == "elsewhere"
    assert arrived(world, "keys.create") == [1]


@scenario
async def a_server_error_is_tried_again(world: World) -> None:
    world.box.fault(0, "status", status=503, route=CHAT)
    async with world.client() as client:
        answer = await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
        assert answer.choices[0].message.content
    assert arrived(world, CHAT) == [0, 1]


@scenario
async def a_connection_that_is_reset_is_tried_again(world: World) -> None:
    world.box.fault(0, "reset", route="models.list", count=1)
    async with world.client() as client:
        assert len(await client.models.list()) > 0
    assert len(arrived(world, "models.list")) >= 1


@scenario
async def an_answer_that_breaks_off_is_asked_for_again(world: World) -> None:
    world.box.fault(None, "reset_mid", route="models.list", count=1)
    async with world.client() as client:
        assert len(await client.models.list()) > 0


@scenario
async def a_base_that_hangs_is_left_within_the_limit_of_an_attempt(world: World) -> None:
    world.box.fault(0, "hang", route="models.list")
    async with world.client(timeout=Timeout(total=20, attempt=0.3)) as client:
        assert len(await client.models.list()) > 0
    assert arrived(world, "models.list")[-1] == 1


@scenario
async def an_unsafe_call_whose_answer_is_lost_is_not_repeated(world: World) -> None:
    world.box.fault(None, "reset", route="keys.create", execute=True)
    async with world.client() as client:
        with pytest.raises(OutcomeUnknownError) as caught:
            await client.keys.create("once")
        assert caught.value.delivery == "maybe"
        assert [key.name for key in await client.keys.list()].count("once") == 1
    assert len(arrived(world, "keys.create")) == 1


@scenario
async def a_stream_is_opened_elsewhere_until_a_good_head_is_there(world: World) -> None:
    world.box.fault(0, "status", status=503, route=CHAT)
    async with (
        world.client() as client,
        client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES) as stream,
    ):
        assert "".join([text async for text in stream.text()])
    assert arrived(world, CHAT) == [0, 1]


@scenario
async def when_every_base_refuses_the_error_says_that_nothing_left(world: World) -> None:
    world.box.fault(None, "refuse")
    async with world.client(max_retries=1) as client:
        with pytest.raises(APIConnectionError) as caught:
            await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
    assert caught.value.delivery == "never"
    assert {attempt.base_url for attempt in caught.value.attempts} == set(world.box.base_urls)


@scenario
async def without_retries_there_is_one_attempt(world: World) -> None:
    world.box.fault(None, "status", status=500, route=CHAT)
    async with world.client(max_retries=0) as client:
        with pytest.raises(InternalServerError):
            await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
    assert len(arrived(world, CHAT)) == 1


# Refusals


@scenario
async def a_wrong_key_is_refused_and_never_shown(world: World) -> None:
    async with world.client(api_key="sk-xc-wrong-and-secret") as client:
        with pytest.raises(AuthenticationError) as caught:
            await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
    assert "secret" not in f"{caught.value} {caught.value!r}"
    assert len(arrived(world, CHAT)) == 1


@scenario
async def a_mistake_of_the_caller_is_found_before_anything_is_sent(world: World) -> None:
    async with world.client() as client:
        with pytest.raises(ConfigurationError, match="name"):
            await client.keys.create("")
        with pytest.raises(TypeError, match="colour"):
            await client.keys.create("x", colour="red")
    assert arrived(world, "keys.create") == []


@scenario
async def a_rate_limit_is_waited_for(world: World) -> None:
    body = {"error": {"message": "slow down", "type": "rate_limit_exceeded", "code": "rate_limit_exceeded"}}
    world.box.fault(None, "status", status=429, body=body, headers={"Retry-After": "0"}, route=CHAT, count=1)
    async with world.client() as client:
        assert await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
    assert len(arrived(world, CHAT)) == 2


@scenario
async def a_used_up_quota_is_not_waited_for(world: World) -> None:
    body = {"error": {"message": "used up", "type": "x", "code": "tenant_monthly_quota_exceeded"}}
    world.box.fault(None, "status", status=429, body=body, route=CHAT)
    async with world.client() as client:
        with pytest.raises(QuotaExceededError):
            await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
    assert len(arrived(world, CHAT)) == 1


@scenario
async def a_web_page_where_json_belongs_is_named(world: World) -> None:
    world.box.fault(None, "html", route="models.list")
    async with world.client(max_retries=0) as client:
        with pytest.raises(NotAnAPIResponseError, match="HTML"):
            await client.models.list()


# Streams


async def chunks_until(world: World, error: type[Exception], **arguments: object) -> tuple[list[str], Exception]:
    """The pieces of text that a stream gives before it fails, and how it fails."""
    pieces: list[str] = []
    async with world.client(**arguments) as client:
        with pytest.raises(error) as caught:  # noqa: PT012 - reading is what fails
            async with client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES) as stream:
                async for text in stream.text():
                    pieces.append(text)
    return pieces, caught.value


@scenario
async def a_stream_that_is_cut_is_an_error_with_the_part_that_arrived(world: World) -> None:
    world.box.fault(0, "stream_cut", after=4)
    pieces, error = await chunks_until(world, StreamTruncatedError)
    assert isinstance(error, StreamTruncatedError)
    assert error.partial is not None
    assert pieces
    assert error.partial.choices[0].message.content == "".join(pieces)


@scenario
async def a_stream_that_is_reset_is_an_error_with_the_part_that_arrived(world: World) -> None:
    world.box.fault(0, "stream_reset", after=4)
    pieces, error = await chunks_until(world, StreamTruncatedError)
    assert isinstance(error, StreamTruncatedError)
    assert "".join(pieces) == (error.partial.choices[0].message.content if error.partial else "")


@scenario
async def an_error_event_raises_what_its_code_stands_for(world: World) -> None:
    world.box.fault(0, "stream_error", after=3, code="rate_limit_exceeded", message="too many")
    pieces, error = await chunks_until(world, StreamError)
    assert pieces
    assert isinstance(error.__cause__, RateLimitError)


@scenario
async def a_stream_that_stalls_runs_into_the_limit_between_contents(world: World) -> None:
    world.box.fault(0, "stream_stall", after=3, comments=True)
    pieces, error = await chunks_until(world, APITimeoutError, timeout=Timeout(total=20, between_content=0.3))
    assert pieces
    assert "between" in str(error)


@scenario
async def what_is_left_of_a_stream_comes_with_its_final_message(world: World) -> None:
    async with world.client() as client:
        whole = await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES)
        stream = await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES, stream=True)
        async with stream:
            assert (await stream.__anext__()).choices[0].delta.role == "assistant"
            final = await stream.final()
            assert [chunk async for chunk in stream] == []
    assert final.choices[0].message.content == whole.choices[0].message.content
    assert final.nexevo.generation_id


@scenario
async def the_final_message_of_a_stream_that_was_cut_is_an_error_unless_a_part_will_do(world: World) -> None:
    world.box.fault(0, "stream_cut", after=4)
    async with (
        world.client() as client,
        client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES) as stream,
    ):
        with pytest.raises(StreamTruncatedError):
            await stream.final()
        assert (await stream.final(allow_partial=True)).choices[0].message.content


@scenario
async def leaving_a_stream_early_ends_it_at_the_service(world: World) -> None:
    world.box.fault(0, "stream_stall", after=3)
    async with world.client() as client:
        async with client.chat.completions.stream(model="nexevo/fast", messages=MESSAGES) as stream:
            async for _ in stream:
                break
        for _ in range(200):
            if world.box.in_flight(0) == 0:
                break
            await world.sleep(0.01)
        assert world.box.in_flight(0) == 0
        assert len(await client.models.list()) > 0


# Time and closing


@scenario
async def a_call_ends_with_its_deadline(world: World) -> None:
    world.box.fault(None, "hang", route=CHAT)
    async with world.client() as client:
        with pytest.raises(APITimeoutError) as caught:
            await client.chat.completions.create(model="nexevo/fast", messages=MESSAGES, timeout=0.3)
    assert isinstance(caught.value, TimeoutError)


@scenario
async def closing_ends_calls_and_streams_that_wait(world: World) -> None:
    world.box.fault(None, "hang", route="models.list")
    client = world.client(timeout=Timeout(total=20, attempt=20))

    async def call() -> None:
        await client.models.list()

    async def close() -> None:
        while world.box.in_flight(0) + world.box.in_flight(1) < 3:
            await world.sleep(0.01)
        await client.aclose()

    *outcomes, closed = await world.at_once(call, call, call, close)
    assert [type(outcome) for outcome in outcomes] == [ClientClosedError] * 3
    assert closed is None
    with pytest.raises(ClientClosedError):
        await client.models.list()
    assert client.is_closed


@scenario
async def many_calls_at_once_survive_the_death_of_the_preferred_base(world: World) -> None:
    async with world.client() as client:

        async def read() -> bool:
            return len(await client.models.list()) > 0

        async def kill() -> None:
            while not arrived(world, "models.list"):
                await world.sleep(0.001)
            world.box.kill(0)

        # No more than the budget of repeats allows, should all of them be lost.
        *outcomes, _ = await world.at_once(*[read] * 15, kill)
    assert outcomes == [True] * 15


@scenario
async def closing_a_view_does_not_close_the_client(world: World) -> None:
    async with world.client() as client:
        async with client.with_options(timeout=5) as view:
            await view.models.list()
        assert not client.is_closed
        assert len(await client.models.list()) > 0


@scenario
async def a_list_of_several_pages_is_one_list(world: World) -> None:
    async with world.client() as client:
        pricing = [{"model": "nexevo/fast", "pricing_factor": "1"}]
        await client.sub_accounts.create(alias="team", balance="1.5", model_pricing=pricing, count=5)
        world.box.clear_journal()
        pages = client.sub_accounts.list(page_size=2)
        assert [item.alias async for item in pages] == ["team"] * 5
        assert [len(page) async for page in pages.pages()] == [2, 2, 1]
        first = await client.sub_accounts.list(page_size=2)
        assert (len(first), first.total, first[0].alias, first["items"][1].alias) == (2, 5, "team", "team")
