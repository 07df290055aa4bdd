"""The key goes where it must and nowhere else: seen by servers that look for it, in both worlds."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack

import pytest

from nexevo_async import HealthPolicy
from nexevo_async.errors import NexevoError
from tests.core.raw_server import Visit
from tests.e2e.load import at_rate, chat, read
from tests.e2e.worlds import World

KEY = "sk-xc-0123456789abcdef0123456789abcdef"


class Spy:
    """A base that answers as told, by path, and remembers where the key came along."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.answers = answers
        self.paths: list[str] = []
        self.with_key: list[str] = []

    async def __call__(self, visit: Visit) -> None:
        """One connection."""
        while request := await visit.request():
            path = request.split(b" ")[1].decode()
            self.paths.append(path)
            if KEY.encode() in request or b"authorization" in request.lower():
                self.with_key.append(path)
            visit.send(self.answers.get(path, _json({"id": "m", "object": "model"})))


def _json(value: object) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def _text(text: str, *, status: int = 200, location: str = "") -> bytes:
    head = f"HTTP/1.1 {status} OK\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n"
    return f"{head}{f'Location: {location}' if location else 'X-Nothing: 1'}\r\n\r\n{text}".encode()


HEALTH, LINKS, MODEL = "/api/v1/healthy", "/api/v1/links", "/v1/models/m"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_by_calls_health_checks_or_discovery(world: World, status: int) -> None:
    elsewhere = Spy({})
    async with AsyncExitStack() as stack:
        target = await stack.enter_async_context(world.server(elsewhere))
        away = _text("", status=status, location=f"{target.url}/v1/models/m")
        base = Spy({HEALTH: away, LINKS: away, MODEL: away})
        server = await stack.enter_async_context(world.server(base))
        client = world.client(api_key=KEY, base_url=server.url, discovery_url=server.url, max_retries=0)
        await stack.enter_async_context(client)
        with pytest.raises(NexevoError):
            await client.models.get("m")
        with pytest.raises(NexevoError):
            await client.endpoints.refresh()
        await client.endpoints.check()

        assert elsewhere.paths == []
        assert set(base.paths) == {HEALTH, LINKS, MODEL}
        assert set(base.with_key) == {LINKS, MODEL}


async def test_a_host_named_by_discovery_gets_no_key_before_it_has_proved_healthy_without_one(world: World) -> None:
    policy = HealthPolicy(probe_period=0.2, probe_jitter=0.0)
    async with AsyncExitStack() as stack:
        good = Spy({HEALTH: _text("healthy")})
        bad = Spy({HEALTH: _text("welcome to the parking page")})
        named = [await stack.enter_async_context(world.server(spy)) for spy in (good, bad)]
        links = [{"api": s.url, "desc": "", "priority": 100 - i, "status": "ok"} for i, s in enumerate(named)]
        home = Spy({LINKS: _json(links), HEALTH: _text("healthy")})
        server = await stack.enter_async_context(world.server(home))
        client = world.client(api_key=KEY, base_url=server.url, discovery_url=server.url, health=policy)
        await stack.enter_async_context(client)
        await client.endpoints.refresh()
        assert (good.with_key, bad.with_key) == ([], [])

        await world.until(lambda: HEALTH in good.paths and HEALTH in bad.paths)
        for _ in range(20):
            await client.models.get("m")
            await world.sleep(0.01)
        assert (good.paths[0], bad.paths[0]) == (HEALTH, HEALTH)
        assert set(good.with_key) == {MODEL}
        assert bad.with_key == []
        assert MODEL not in bad.paths


async def test_a_host_that_is_not_allowed_is_not_even_asked_for_its_health(world: World) -> None:
    async with AsyncExitStack() as stack:
        stranger = Spy({HEALTH: _text("healthy")})
        named = await stack.enter_async_context(world.server(stranger))
        links = [{"api": named.url, "desc": "", "priority": 100, "status": "ok"}]
        home = Spy({LINKS: _json(links), HEALTH: _text("healthy")})
        server = await stack.enter_async_context(world.server(home))
        client = world.client(
            api_key=KEY, base_url=server.url, discovery_url=server.url, allowed_hosts=["api.nexevo.ai"]
        )
        await stack.enter_async_context(client)
        with pytest.raises(NexevoError):
            await client.endpoints.refresh()
        await client.endpoints.check()
        await client.models.get("m")

        assert stranger.paths == []
        assert home.with_key.count(HEALTH) == 0


@pytest.mark.one_world
async def test_no_health_check_carries_the_key_whatever_happens_to_the_bases(world: World) -> None:
    policy = HealthPolicy(probe_period=0.2, eject_base=0.2, reconnect_base=0.1)
    async with (
        world.sandbox(bases=3) as box,
        world.client(discovery_url=box.discovery_url, health=policy, timeout=2) as client,
    ):
        for kind in ("status", "reset", "hang", "html", "redirect"):
            fault = box.fault(0, kind)
            reads = world.begin(lambda: at_rate(world, read(client), 50, seconds=0.3))
            await at_rate(world, chat(client), 50, seconds=0.3)
            await reads
            fault.clear()
        checks = [entry for entry in box.journal() if entry.route == "endpoints.health"]
        assert len(checks) > 5
        assert not any(entry.authorized for entry in checks)
        at_discovery = {entry.route for entry in box.journal() if entry.base == "discovery" and entry.authorized}
        assert at_discovery <= {"endpoints.links"}
