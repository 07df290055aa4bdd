"""Discovery with a scripted sender: what it does with answers, failures, keys that are refused, and other processes."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from nexevo_async._credentials import Credentials
from nexevo_async._discovery import Discovery, reader_of
from nexevo_async._messages import FailureKind, Response
from nexevo_async._routes import ROUTES
from nexevo_async._sansio.endpoint_pool import Report
from nexevo_async._sansio.links import LinksSchedule
from nexevo_async._sansio.policy import HealthPolicy
from nexevo_async._shared_file import SharedFile
from nexevo_async._sharing import Sharing
from nexevo_async.config import ApiKey
from nexevo_async.errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    ConfigurationError,
    NexevoError,
    RateLimitError,
)
from tests.core.scripted import HOST, A, Asked, B, C, ScriptedSender, a_pool, answer, broken, states

KEY = "sk-xc-SECRETSECRET"


def links(*urls: str, first: int = 10) -> Response:
    entries = [{"api": url, "priority": first - place, "status": "ok"} for place, url in enumerate(urls)]
    return answer(200, orjson.dumps(entries))


class World:
    """Discovery with all it needs; A is configured."""

    def __init__(
        self, key: ApiKey | None = KEY, *, folder: Path | None = None, allowed: list[str] | None = None, **policy: Any
    ) -> None:
        now = time.monotonic()
        self.policy = HealthPolicy(links_timeout=0.05, **policy)
        self.sender = ScriptedSender({HOST: links(A, B)})
        self.pool = a_pool((A,), self.policy, now=now)
        self.schedule = LinksSchedule(policy=self.policy, rng=random.Random(1), now=now)
        read = reader_of(HOST, allowed)
        self.sharing = None
        if folder is not None:
            file = SharedFile(folder / "x.json")
            self.sharing = Sharing(file, pool=self.pool, policy=self.policy, read=read)
        self.discovery = Discovery(
            HOST,
            sender=self.sender,
            pool=self.pool,
            policy=self.policy,
            schedule=self.schedule,
            route=ROUTES["endpoints.links"],
            credentials=Credentials(key),
            read=read,
            sharing=self.sharing,
        )

    def says(self, outcome: Response | Exception | None) -> None:
        self.sender.script[HOST] = outcome

    async def run(self) -> None:
        await self.discovery.run(self.discovery.ask, wanted=False, panic=False)

    def urls(self) -> set[str]:
        return set(states(self.pool, time.monotonic()))

    def is_due(self) -> bool:
        return self.schedule.due(time.monotonic(), wanted=True, panic=True)


async def test_the_discovery_host_gets_the_key_and_its_list_is_used() -> None:
    world = World()
    await world.run()
    assert world.sender.asked == [Asked(HOST, "endpoints.links", f"Bearer {KEY}")]
    assert world.urls() == {A, B}
    assert world.pool.unproven == (B,)
    assert 3000 < world.schedule.next_in(time.monotonic()) < 4000


FAILURES: list[tuple[Response | Exception | None, type[NexevoError]]] = [
    (answer(200, b"<html>It works!</html>"), APIResponseValidationError),
    (answer(200, b"[]"), APIResponseValidationError),
    (answer(200, b"[" * 9000), APIResponseValidationError),
    (links("https://10.0.0.1", "https://localhost"), APIResponseValidationError),
    (answer(204), APIStatusError),
    (answer(500, b"oops"), APIStatusError),
    (answer(401), AuthenticationError),
    (answer(302, Location="https://evil.example.net"), APIStatusError),
    (answer(429, b'{"error": {"code": "rate_limit_exceeded"}}', Retry_After="7"), RateLimitError),
    (broken(FailureKind.REFUSED), APIConnectionError),
    (broken(FailureKind.SILENT, limit="total"), APITimeoutError),
    (broken(FailureKind.TOO_LARGE), APIConnectionError),
]


@pytest.mark.parametrize(("outcome", "error"), FAILURES)
async def test_a_failure_leaves_what_is_known_and_is_raised_to_whoever_asked_for_it(
    outcome: Response | Exception, error: type[NexevoError]
) -> None:
    world = World()
    await world.run()
    world.says(outcome)
    with pytest.raises(error) as found:
        await world.discovery.ask()
    assert KEY not in f"{found.value!s}{found.value!r}"
    assert world.urls() == {A, B}


@pytest.mark.parametrize(
    ("outcome", "problem", "status", "delivery"),
    [
        (answer(500, b"oops"), "refused", 500, "maybe"),
        (answer(403, b"<html>Sign in</html>", Content_Type="text/html"), "refused", 403, "maybe"),
        (answer(200, b"[]"), "unreadable", 200, "maybe"),
        (broken(FailureKind.REFUSED), "connection refused", None, "never"),
        (broken(FailureKind.CONNECT_TIMEOUT, limit="total"), "connect timeout", None, "never"),
        (broken(FailureKind.SILENT, limit="total"), "no answer in time", None, "maybe"),
        (broken(FailureKind.TOO_LARGE), "answer was larger than allowed", None, "maybe"),
    ],
)
async def test_a_failure_tells_where_it_was_asked_and_whether_that_arrived(
    outcome: Response | Exception, problem: str, status: int | None, delivery: str
) -> None:
    world = World()
    world.says(outcome)
    with pytest.raises(NexevoError) as found:
        await world.discovery.ask()
    error = found.value
    assert [(a.base_url, a.problem, a.status, a.delivered) for a in error.attempts] == [
        (HOST, problem, status, delivery)
    ]
    assert f"at {HOST}" in str(error)
    assert ("it never left" in str(error)) is (delivery == "never")
    assert getattr(error, "delivery", delivery) == delivery


async def test_a_host_that_is_silent_passes_the_limit_of_discovery() -> None:
    world = World()
    world.says(broken(FailureKind.SILENT, limit="total"))
    with pytest.raises(APITimeoutError) as found:
        await world.discovery.ask()
    assert (found.value.limit, found.value.seconds) == ("links_timeout", 0.05)
    assert found.value.message == (
        "no answer in time; the limit for one discovery of 0.05 s passed (HealthPolicy.links_timeout)"
    )


@pytest.mark.parametrize(("outcome", "error"), FAILURES)
async def test_the_background_raises_nothing_and_tries_again_later(
    outcome: Response | Exception, error: type[NexevoError], caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    world.says(outcome)
    await world.run()
    assert world.urls() == {A}
    assert len(caplog.records) == 1
    assert caplog.messages[0].startswith("discovery failed, and the known base URLs stay: ")
    assert 7 < world.schedule.next_in(time.monotonic()) <= 60
    assert not world.is_due()

    world.says(links(A, C))
    await world.discovery.ask()
    assert world.urls() == {A, C}


async def test_a_wish_for_patience_is_honoured() -> None:
    world = World()
    world.says(answer(429, Retry_After="900"))
    await world.run()
    assert 899 < world.schedule.next_in(time.monotonic()) <= 900


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_was_refused_is_not_sent_again(status: int) -> None:
    world = World()
    world.says(answer(status))
    for _ in range(3):
        await world.run()
    assert len(world.sender.asked) == 1


async def test_a_new_key_is_tried() -> None:
    keys = iter(["sk-old1", "sk-old1", "sk-new1", "sk-new1"])
    world = World(lambda: next(keys))
    world.says(answer(401))
    await world.run()
    await world.run()
    assert len(world.sender.asked) == 1
    world.says(links(A, B))
    await world.run()
    assert [asked.authorization for asked in world.sender.asked] == ["Bearer sk-old1", "Bearer sk-new1"]
    assert world.urls() == {A, B}


async def test_without_a_key_nobody_is_asked(caplog: pytest.LogCaptureFixture) -> None:
    world = World(None)
    await world.run()
    assert world.sender.asked == []
    assert "NEXEVO_API_KEY" in caplog.text
    with pytest.raises(ConfigurationError, match="NEXEVO_API_KEY"):
        await world.discovery.ask()


async def _never() -> str:
    await asyncio.Event().wait()
    return KEY


def _fails() -> str:
    raise OSError(f"the vault does not open for {KEY}")


@pytest.mark.parametrize("key", [_never, _fails])
async def test_a_key_function_that_hangs_or_fails_holds_up_nothing(
    key: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    world = World(key)
    async with asyncio.timeout(1):
        await world.run()
    assert world.sender.asked == []
    assert len(caplog.records) == 1
    assert "SECRET" not in caplog.text
    assert not world.is_due()


@pytest.mark.parametrize(("outcome", "error"), FAILURES)
async def test_a_trouble_that_lasts_is_warned_about_once(
    outcome: Response | Exception, error: type[NexevoError], caplog: pytest.LogCaptureFixture
) -> None:
    """And once more if it is another one, or comes back after a good answer. (A refused key is not sent again.)"""
    world = World()
    world.says(outcome)
    for _ in range(3):
        await world.run()
    assert [record.levelname for record in caplog.records] == ["WARNING"]

    for said in (answer(502), links(A), answer(502)):
        world.discovery.schedule.postponed(time.monotonic(), 0.0)
        world.says(said)
        await world.run() if error is not AuthenticationError else None
    assert len(caplog.records) == (1 if error is AuthenticationError else 3)


async def test_bad_entries_that_come_every_time_are_warned_about_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.says(links("https://127.0.0.1", A, B, "http://evil.example.net"))
    for _ in range(3):
        await world.discovery.ask()
    assert world.urls() == {A, B}
    assert len(caplog.records) == 1
    world.says(links(A, B, "https://10.0.0.1"))
    await world.discovery.ask()
    assert len(caplog.records) == 2


async def test_allowed_hosts_pin_what_is_taken() -> None:
    world = World(allowed=["b.example.com"])
    world.says(links(A, B, C))
    await world.run()
    assert world.urls() == {A, B}


async def test_a_host_leaves_when_two_lists_in_a_row_have_left_it_out_and_a_configured_one_never() -> None:
    world = World()
    await world.discovery.ask()
    world.says(links(C))
    await world.discovery.ask()
    assert world.urls() == {A, B, C}
    await world.discovery.ask()
    assert world.urls() == {A, C}


async def test_in_panic_an_old_list_is_better_than_none() -> None:
    world = World()
    await world.discovery.ask()
    now = time.monotonic()
    world.pool.report(world.pool.begin_probe(A, now=now), Report.SOFT, now=now)  # type: ignore[arg-type]
    assert world.pool.in_panic(now)
    world.discovery.drop_expired(now + 8 * 86_400)
    assert world.urls() == {A, B}


async def test_an_old_list_is_let_go_spares_first() -> None:
    world = World()
    world.says(links(B, C))
    await world.discovery.ask()
    now = time.monotonic()
    world.discovery.drop_expired(now + 86_000)
    assert world.urls() == {A, B, C}
    world.discovery.drop_expired(now + 86_500)
    assert world.urls() == {A, B}
    world.discovery.drop_expired(now + 8 * 86_400)
    assert world.urls() == {A}


async def test_a_question_that_is_broken_off_is_asked_again_on_the_next_loop() -> None:
    world = World()
    world.says(None)
    asking = asyncio.create_task(world.run())
    await world.sender.is_waiting()
    assert not world.is_due()
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
    assert world.is_due()


# -- together with other processes


async def test_the_second_process_uses_the_list_of_the_first(tmp_path: Path) -> None:
    first, second = World(folder=tmp_path), World(folder=tmp_path)
    await first.run()
    await second.run()
    assert second.sender.asked == []
    assert second.urls() == {A, B}
    assert second.pool.unproven == (B,)
    assert 3590 < second.schedule.next_in(time.monotonic()) <= 3960


async def test_a_list_is_checked_with_ones_own_allowed_hosts(tmp_path: Path) -> None:
    first, second = World(folder=tmp_path), World(folder=tmp_path, allowed=["c.example.com"])
    first.says(links(B, C))
    await first.run()
    await second.run()
    assert second.urls() == {A, C}


async def test_a_failure_is_not_repeated_by_every_process(tmp_path: Path) -> None:
    first, second = World(folder=tmp_path), World(folder=tmp_path)
    for world in (first, second):
        world.says(answer(503))
        await world.run()
    assert (len(first.sender.asked), len(second.sender.asked)) == (1, 0)


async def test_the_refused_key_of_one_does_not_stop_the_others(tmp_path: Path) -> None:
    first, second = World(folder=tmp_path), World(folder=tmp_path)
    first.says(answer(401))
    await first.run()
    await second.run()
    assert len(second.sender.asked) == 1
    assert second.urls() == {A, B}


async def test_whoever_asks_in_person_asks_and_tells_the_others(tmp_path: Path) -> None:
    first, second = World(folder=tmp_path), World(folder=tmp_path)
    await first.discovery.ask(claimed=False)
    await first.discovery.ask(claimed=False)
    assert len(first.sender.asked) == 2
    await second.run()
    assert second.sender.asked == []
    assert second.urls() == {A, B}


async def test_in_a_forked_child_the_question_of_the_parent_is_nobodys() -> None:
    world = World()
    world.schedule.begin()
    assert not world.is_due()
    world.discovery.after_fork()
    assert world.is_due()
