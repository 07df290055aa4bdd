"""The background of real clients against the sandbox and spy servers: politeness, secrecy, and a clean end."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nexevo_async import AsyncNexevo, ClientClosedError, ConfigurationError, HealthPolicy, Hooks, NexevoError
from nexevo_async.hooks import EndpointChange
from nexevo_async.sandbox import Sandbox
from tests.core.raw_server import RawServer, Visit

#: Five minutes are a fifth of a second.
FAST = HealthPolicy(probe_period=0.2, probe_timeout=0.1, links_min_interval=1.0, links_min_interval_panic=0.2)


def http(status: int, body: bytes = b"", **headers: str) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} x\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


def spy(answer: Callable[[bytes], bytes]) -> RawServer:
    """A server that answers by request line, and remembers every request."""

    async def behave(visit: Visit) -> None:
        while request := await visit.request():
            visit.send(answer(request.split(b"\r\n")[0]))

    return RawServer(behave)


def heard_key(server: RawServer) -> list[bytes]:
    return [request for request in server.requests if b"authorization" in request.lower()]


async def until(condition: Callable[[], object], seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in another thread or server
            await asyncio.sleep(0.005)


def asked(box: Sandbox, route: str) -> list[Any]:
    return [entry for entry in box.journal() if entry.route == route]


def ours() -> list[str]:
    names = [task.get_name() for task in asyncio.all_tasks()]
    return [name for name in names if name.startswith("nexevo-") and "sandbox" not in name]


# -- discovery beside the calls


async def test_a_hundred_cold_calls_ask_discovery_once_and_none_waits_for_it() -> None:
    async with Sandbox(bases=3, rate_limit=None) as box:
        box.fault("discovery", "slow", delay=1.0)
        client = AsyncNexevo(box.api_key, base_url=box.base_url, discovery_url=box.discovery_url)
        async with client:
            began = time.monotonic()
            await asyncio.gather(*(client.models.list() for _ in range(100)))
            assert time.monotonic() - began < 1.0
            await until(lambda: len(client.endpoints.snapshot()) == 3)
            assert len(asked(box, "endpoints.links")) == 1


@pytest.mark.parametrize("kind", ["refuse", "hang", "html", "cut_json", "reset", "redirect", "status"])
async def test_a_discovery_that_fails_fails_no_call(kind: str) -> None:
    async with Sandbox(bases=2, rate_limit=None) as box:
        box.fault("discovery", kind)
        health = HealthPolicy(links_timeout=0.1)
        async with AsyncNexevo(
            box.api_key, base_url=box.base_url, discovery_url=box.discovery_url, health=health
        ) as client:
            for _ in range(3):
                assert await client.models.list()
                await asyncio.sleep(0.06)
            assert [status.url for status in client.endpoints.snapshot()] == [box.base_url]
            with pytest.raises(NexevoError):
                await client.endpoints.refresh()
            assert await client.models.list()


async def test_a_hundred_refreshes_at_once_are_one_question_and_one_who_leaves_takes_nothing_away() -> None:
    async with (
        Sandbox(bases=2, rate_limit=None) as box,
        AsyncNexevo(
            box.api_key, base_url=box.base_url, discovery_url=box.discovery_url, health=HealthPolicy(share=False)
        ) as client,
    ):
        box.fault("discovery", "slow", delay=0.2)
        tasks = [asyncio.create_task(client.endpoints.refresh()) for _ in range(100)]
        await until(lambda: box.in_flight("discovery"))
        tasks[0].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(found[0], asyncio.CancelledError)
        assert {len(states) for states in found[1:] if isinstance(states, tuple)} == {2}
        assert len(asked(box, "endpoints.links")) == 1


async def test_new_bases_are_proven_and_used_when_the_first_one_dies() -> None:
    async with (
        Sandbox(bases=2, rate_limit=None) as box,
        AsyncNexevo(box.api_key, base_url=box.base_url, discovery_url=box.discovery_url) as client,
    ):
        await client.models.list()
        await until(lambda: [status.state for status in client.endpoints.snapshot()] == ["healthy"] * 2)
        box.kill(0)
        assert await client.models.list()


async def test_discovery_proves_new_bases_even_without_regular_checks() -> None:
    async with Sandbox(bases=2, rate_limit=None) as box:
        policy = HealthPolicy(probe_period=None)
        async with AsyncNexevo(
            box.api_key, base_url=box.base_url, discovery_url=box.discovery_url, health=policy
        ) as client:
            await client.models.list()
            await until(lambda: len(asked(box, "endpoints.health")) == 1)
            await client.endpoints.check()
            assert [entry.base for entry in asked(box, "endpoints.health")] == [1]


async def test_a_listed_host_that_became_somebody_elses_fails_no_call_and_a_new_list_is_asked_for() -> None:
    parked = spy(lambda line: http(200, b"healthy") if b"/healthy" in line else http(404, b"<html>For sale</html>"))
    policy = HealthPolicy(links_min_interval=0.01, links_min_interval_panic=0.01)
    async with parked, Sandbox(rate_limit=None) as box:
        links = [{"api": parked.url, "priority": 99, "status": "ok"}, {"api": box.base_url, "status": "ok"}]
        box.set_links({"desc": "", "priority": 1, **link} for link in links)
        async with AsyncNexevo(
            box.api_key, base_url=box.base_url, discovery_url=box.discovery_url, health=policy
        ) as client:
            await client.models.list()
            await until(lambda: client.endpoints.snapshot()[0].url == parked.url)
            box.set_links({"desc": "", "priority": 1, **link} for link in links[1:])
            for _ in range(3):
                assert await client.models.list()
            assert client.endpoints.snapshot()[0].url == box.base_url
            async with asyncio.timeout(5):
                while len(client.endpoints.snapshot()) > 1:  # until two lists in a row have left it out
                    client._transport.core.background.nudge()  # else it looks in 15 s, for questions 300 s apart
                    await asyncio.sleep(0.01)
            for _ in range(10):
                assert await client.models.list()
        assert len(heard_key(parked)) == 3


# -- where the key goes


async def test_the_key_reaches_no_health_route_no_redirect_target_and_no_unproven_host() -> None:
    target = spy(lambda line: http(200, b"healthy"))
    sick = spy(lambda line: http(503))
    async with target, sick, Sandbox(bases=2, rate_limit=None) as box:
        unlisted = spy(lambda line: http(307, Location=target.url))
        async with unlisted:
            urls = [*box.base_urls, sick.url, unlisted.url]
            box.set_links(
                {"api": url, "desc": "", "priority": 99 - place, "status": "ok"} for place, url in enumerate(urls)
            )
            async with AsyncNexevo(
                box.api_key, base_urls=box.base_urls, discovery_url=box.discovery_url, health=FAST
            ) as client:
                await client.models.list()
                await until(lambda: len(sick.requests) >= 2 and len(unlisted.requests) >= 2)
                box.kill(0)
                box.kill(1)
                for _ in range(5):
                    with pytest.raises(NexevoError):
                        await client.models.list(timeout=0.2)
            assert all(b"GET /api/v1/healthy" in request for request in (*sick.requests, *unlisted.requests))
            assert heard_key(sick) == heard_key(unlisted) == []
            assert target.requests == []
            assert not any(entry.authorized for entry in asked(box, "endpoints.health"))


async def test_a_discovery_host_that_redirects_does_not_pass_the_key_on() -> None:
    target = spy(lambda line: http(200, b"[]"))
    async with target:
        host = spy(lambda line: http(302, Location=f"{target.url}/api/v1/links"))
        async with host, Sandbox(rate_limit=None) as box:
            async with AsyncNexevo(box.api_key, base_url=box.base_url, discovery_url=host.url) as client:
                await client.models.list()
                await until(lambda: host.requests)
                with pytest.raises(NexevoError):
                    await client.endpoints.refresh()
            assert heard_key(host) == host.requests
            assert target.requests == []


async def test_a_poisoned_file_leads_the_key_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It lists a host, says that it is well, and all that is wrong: the host still has to prove itself to us."""
    from nexevo_async._sansio.shared_state import Record, SharedState
    from nexevo_async._shared_file import SharedFile

    monkeypatch.setenv("NEXEVO_CACHE_DIR", str(tmp_path))
    sick = spy(lambda line: http(503))
    async with sick, Sandbox(rate_limit=None) as box:

        def new_client() -> AsyncNexevo:
            return AsyncNexevo(box.api_key, base_url=box.base_url, discovery_url=box.discovery_url, health=FAST)

        async with new_client() as client:
            await client.models.list()
            await until(lambda: list(tmp_path.glob("*.json")))
        now = time.time()
        state = SharedState(
            fetched=now, entries=((sick.url, 99),), endpoints={sick.url: Record(good=True, checked=now)}
        )
        path = next(tmp_path.glob("*.json"))  # noqa: ASYNC240 - a test may wait for its disk
        SharedFile(path).change(lambda _: (state, None))
        async with new_client() as client:
            await client.models.list()
            await until(lambda: sick.requests)
            box.kill(0)
            with pytest.raises(NexevoError):
                await client.models.list(timeout=0.5)
        assert heard_key(sick) == []


# -- the prober


async def test_a_client_with_many_views_has_one_prober() -> None:
    async with (
        Sandbox(rate_limit=None) as box,
        AsyncNexevo(box.api_key, base_url=box.base_url, health=FAST) as client,
    ):
        views = [client.with_options(timeout=5) for _ in range(20)]
        began = time.monotonic()
        await asyncio.gather(*(view.models.list() for view in views))
        await asyncio.sleep(0.8)
        assert ours().count("nexevo-background") == 1
        periods = (time.monotonic() - began) / 0.2
        assert 2 <= len(asked(box, "endpoints.health")) <= 2 + periods


async def test_checks_reorder_the_bases_and_hooks_hear_each_change_once() -> None:
    class Watch(Hooks):
        def __init__(self) -> None:
            self.heard: list[tuple[str, str]] = []

        def on_endpoint_change(self, change: EndpointChange) -> None:
            self.heard.append((change.url, change.after.value if change.after else "gone"))

    watch = Watch()
    async with Sandbox(bases=2, rate_limit=None) as box:
        box.fault(0, "unhealthy")
        async with AsyncNexevo(box.api_key, base_urls=box.base_urls, health=FAST, hooks=watch) as client:
            client._transport.check_open()
            await until(lambda: (box.base_urls[0], "ejected") in watch.heard)
            await until(lambda: (box.base_urls[1], "healthy") in watch.heard)
            assert client.endpoints.snapshot()[0].url == box.base_urls[1]
        assert watch.heard.count((box.base_urls[1], "healthy")) == 1
        assert watch.heard.count((box.base_urls[0], "unknown")) == 1


async def test_a_jump_of_the_clock_doubts_everything_and_bans_stay(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The wall clock is set back by an hour: nothing that was banned is banned for longer."""
    jump = 0.0
    clocks = SimpleNamespace(monotonic=time.monotonic, time=lambda: time.time() + jump)
    monkeypatch.setattr("nexevo_async._background.time", clocks)
    caplog.set_level("INFO", "nexevo")
    async with (
        Sandbox(bases=2, rate_limit=None) as box,
        AsyncNexevo(box.api_key, base_urls=box.base_urls) as client,
    ):
        box.kill(0)
        await client.models.list()
        before = client.endpoints.snapshot()
        assert [status.state for status in before] == ["healthy", "ejected"]
        assert box.connections(1) == 1
        jump = -3600.0
        client._transport.core.background.nudge()
        await until(lambda: "clocks have jumped" in caplog.text)
        after = client.endpoints.snapshot()
        assert after[0].state == "unknown"
        await until(lambda: not box.connections(1))  # a connection may have died in the sleep
        banned = next(status for status in after if status.state == "ejected").ejected_for
        assert banned is not None
        assert banned <= (before[1].ejected_for or 0)
        assert await client.models.list()


# -- the end


async def test_closing_an_idle_client_is_quick_and_leaves_nothing() -> None:
    async with Sandbox(bases=3, rate_limit=None) as box:
        client = AsyncNexevo(box.api_key, base_urls=box.base_urls, discovery_url=box.discovery_url, health=FAST)
        await client.models.list()
        await until(lambda: len(asked(box, "endpoints.health")) >= 3)
        began = time.monotonic()
        await client.aclose()
        assert time.monotonic() - began < 0.05
        assert ours() == []
        await until(lambda: not any(box.connections(base) for base in range(3)))
        box.clear_journal()
        await asyncio.sleep(0.5)
        assert box.journal() == []


class _Stuck(Hooks):
    """Never comes back from an ejection."""

    def __init__(self) -> None:
        self.entered = False

    async def on_endpoint_change(self, change: EndpointChange) -> None:  # type: ignore[override]  # either is allowed
        if change.after == "ejected":
            self.entered = True
            await asyncio.Event().wait()


async def test_closing_ends_a_hook_that_hangs_beside_the_calls() -> None:
    stuck = _Stuck()
    async with Sandbox(bases=2, rate_limit=None) as box:
        box.fault(1, "unhealthy")
        client = AsyncNexevo(box.api_key, base_urls=box.base_urls, health=FAST, hooks=stuck)
        await client.models.list()
        await until(lambda: stuck.entered)
        began = time.monotonic()
        await client.aclose()
        assert time.monotonic() - began < 0.2
        assert ours() == []


async def test_closing_ends_a_bare_connection_that_never_gets_through() -> None:
    """TCP is there, and nobody speaks TLS: the watch on an endpoint out of reach hangs in the handshake."""

    async def silent(visit: Visit) -> None:
        await visit.hang()

    policy = HealthPolicy(connect_timeout=0.05, connect_timeout_last=30, reconnect_base=0.01)
    async with RawServer(silent) as dead, Sandbox(rate_limit=None) as box:
        urls = [dead.url.replace("http:", "https:"), box.base_url]
        client = AsyncNexevo(box.api_key, base_urls=urls, health=policy)
        await client.models.list()
        assert client.endpoints.snapshot()[1].state == "ejected"
        await until(lambda: any(name.startswith("nexevo-reconnect") for name in ours()) and dead.connections >= 2)
        began = time.monotonic()
        await client.aclose()
        assert time.monotonic() - began < 0.2
        assert ours() == []


@pytest.mark.parametrize("busy", ["probe", "discovery", "reconnect", "check", "refresh", "file"])
async def test_closing_ends_whatever_is_under_way(busy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXEVO_CACHE_DIR", str(tmp_path) if busy == "file" else "")
    async with Sandbox(bases=2, rate_limit=None) as box:
        policy = HealthPolicy(probe_period=0.05, probe_timeout=30, links_timeout=30, reconnect_base=0.01)
        client = AsyncNexevo(box.api_key, base_urls=box.base_urls, discovery_url=box.discovery_url, health=policy)
        waiting: asyncio.Task[object] | None = None
        if busy in ("probe", "check"):
            box.fault(None, "hang", route="endpoints.health")
        if busy in ("discovery", "refresh"):
            box.fault("discovery", "hang")
        if busy == "reconnect":
            box.kill(0)
        await client.models.list()
        if busy in ("probe", "check"):
            await until(lambda: box.in_flight(0) or box.in_flight(1))
        if busy in ("discovery", "refresh"):
            await until(lambda: box.in_flight("discovery"))
        if busy in ("check", "refresh"):
            waiting = asyncio.create_task(getattr(client.endpoints, busy)())
            await asyncio.sleep(0.02)
        began = time.monotonic()
        await client.aclose()
        assert time.monotonic() - began < 0.2
        if waiting is not None:
            with pytest.raises(ClientClosedError):
                await waiting
        assert ours() == []


async def test_closing_that_is_cancelled_is_finished_all_the_same() -> None:
    async with Sandbox(bases=2, rate_limit=None) as box:
        client = AsyncNexevo(box.api_key, base_urls=box.base_urls, health=FAST)
        await client.models.list()
        closing = asyncio.create_task(client.aclose())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        assert closing.cancelled()
        await until(lambda: not ours() and not box.connections(0) and not box.connections(1), seconds=1)


async def test_a_client_that_is_dropped_takes_its_task_with_it() -> None:
    async with Sandbox(rate_limit=None) as box:
        client = AsyncNexevo(box.api_key, base_url=box.base_url, discovery_url=box.discovery_url, health=FAST)
        await client.models.list()
        assert ours()
        del client
        gc.collect()
        await until(lambda: not ours(), seconds=1)
        box.clear_journal()
        await asyncio.sleep(0.3)
        assert box.journal() == []


async def test_another_running_loop_is_told_so() -> None:
    async with Sandbox(rate_limit=None) as box, AsyncNexevo(box.api_key, base_url=box.base_url) as client:
        await client.models.list()
        with pytest.raises(ConfigurationError, match="another running event loop"):
            await asyncio.to_thread(lambda: asyncio.run(_list(client)))


async def _list(client: AsyncNexevo) -> object:
    return await client.models.list()


PROGRAM = """
import asyncio, os, sys, time
from nexevo_async import AsyncNexevo, HealthPolicy
from nexevo_async.sandbox import Sandbox

def new_client(box):
    policy = HealthPolicy(probe_period=0.2, probe_timeout=0.1)
    return AsyncNexevo(box.api_key, base_urls=box.base_urls, discovery_url=box.discovery_url, health=policy)

def checks(box):
    return sum(entry.route == "endpoints.health" for entry in box.journal())

async def use(client, seconds=0.0):
    await client.models.list()
    await asyncio.sleep(seconds)
"""


TWICE = """
asyncio.run(use(client, 0.3))
before = checks(box)
assert before > 0
asyncio.run(use(client, 0.3))
assert checks(box) > before
"""

IN_TURN = """
loops = [asyncio.new_event_loop() for _ in range(2)]
for _ in range(2):
    for loop in loops:
        loop.run_until_complete(use(client, 0.05))
for loop in loops:
    loop.run_until_complete(asyncio.sleep(0.05))
    names = [task.get_name() for task in asyncio.all_tasks(loop)]
    assert ("nexevo-background" in names) is (loop is loops[1]), names
for loop in loops:
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()
"""

FORK = """
async def main():
    await use(client, 0.3)
    under_way = asyncio.create_task(use(client))
    await asyncio.sleep(0)
    pool = client._transport.core.shared.pool
    assert pool.in_flight
    pid = os.fork()
    if pid == 0:
        asyncio.events._set_running_loop(None)
        try:
            assert not pool.in_flight, "the call of the parent"
            asyncio.run(use(client, 0.01))
            os._exit(0 if client.endpoints.snapshot()[0].state == "healthy" else 1)
        except BaseException:
            os._exit(1)
    while (end := os.waitpid(pid, os.WNOHANG)) == (0, 0):
        await asyncio.sleep(0.01)
    assert end[1] == 0, end
    await under_way
    before = checks(box)
    await use(client, 0.3)
    assert checks(box) > before
asyncio.run(main())
"""

NEVER_CLOSED = """
async def main():
    await use(client, 0.1)
asyncio.run(main())
"""

BLOCKING = """
from nexevo_sync import Nexevo
blocking = Nexevo(box.api_key, base_urls=box.base_urls, discovery_url=box.discovery_url)
blocking.models.list()
"""


@pytest.mark.parametrize("shared", [False, True])
def test_programs_of_users_work_and_end_in_silence(shared: bool, tmp_path: Path) -> None:
    """
    `asyncio.run` twice, two loops in turn, a fork while the prober runs, clients that are never closed.

    With every warning an error and nothing printed; also with the file that processes share, whose threads must not
    keep the process alive.
    """
    lines = [PROGRAM, "with Sandbox(bases=2, rate_limit=None) as box:"]
    for body in (TWICE, IN_TURN, FORK, NEVER_CLOSED, BLOCKING):
        lines += ["    client = new_client(box)", textwrap.indent(body, "    ")]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "NEXEVO_CACHE_DIR": str(tmp_path) if shared else ""},
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert bool(list(tmp_path.glob("*.json"))) is shared
