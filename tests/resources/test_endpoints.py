"""`client.endpoints` against the sandbox."""

from __future__ import annotations

import pytest

from nexevo_async import APITimeoutError, AsyncNexevo, ClientClosedError, ConfigurationError
from nexevo_async.sandbox import Sandbox


def test_a_snapshot_needs_no_loop_and_no_network() -> None:
    """The order is the order given; nothing is known yet."""
    client = AsyncNexevo("sk-1", base_urls=["https://a.example.com/v1/", "https://b.example.com"])
    states = [(status.url, status.state, status.source) for status in client.endpoints.snapshot()]
    assert states == [
        ("https://a.example.com", "unknown", "configured"),
        ("https://b.example.com", "unknown", "configured"),
    ]


async def test_check_asks_every_base_without_the_key() -> None:
    async with (
        Sandbox(bases=3, rate_limit=None) as box,
        AsyncNexevo(box.api_key, base_urls=box.base_urls) as client,
    ):
        box.fault(1, "unhealthy")
        states = {status.url: status.state for status in await client.endpoints.check()}
        assert states[box.base_urls[0]] == states[box.base_urls[2]] == "healthy"
        assert states[box.base_urls[1]] != "healthy"
        asked = [entry for entry in box.journal() if entry.route == "endpoints.health"]
        assert {entry.base for entry in asked} == {0, 1, 2}
        assert not any(entry.authorized for entry in asked)


async def test_check_is_polite() -> None:
    """However often it is called, no base is asked more than twice in five minutes."""
    async with Sandbox(rate_limit=None) as box, AsyncNexevo(box.api_key, base_url=box.base_url) as client:
        for _ in range(10):
            await client.endpoints.check()
        assert sum(entry.route == "endpoints.health" for entry in box.journal()) <= 2


async def test_refresh_takes_over_what_discovery_names() -> None:
    """New bases prove healthy without the key before they are used."""
    async with (
        Sandbox(bases=3, rate_limit=None) as box,
        AsyncNexevo(box.api_key, base_url=box.base_url, discovery_url=box.discovery_url) as client,
    ):
        found = await client.endpoints.refresh()
        assert [status.url for status in found] == list(box.base_urls)
        assert [status.state for status in found] == ["healthy"] * 3
        assert [status.source for status in found] == ["configured", "discovered", "discovered"]


async def test_refresh_without_a_discovery_host_says_what_to_do() -> None:
    async with AsyncNexevo("sk-1", base_url="https://a.example.com") as client:
        with pytest.raises(ConfigurationError, match="NEXEVO_DISCOVERY_URL"):
            await client.endpoints.refresh()


async def test_a_closed_client_asks_nobody() -> None:
    client = AsyncNexevo("sk-1", base_url="https://a.example.com")
    await client.aclose()
    with pytest.raises(ClientClosedError):
        await client.endpoints.check()


async def test_waiting_for_health_or_discovery_may_have_a_limit() -> None:
    async with (
        Sandbox(rate_limit=None) as box,
        AsyncNexevo(box.api_key, base_url=box.base_url, discovery_url=box.discovery_url) as client,
    ):
        assert [status.url for status in await client.endpoints.refresh(timeout=20)] == [box.base_url]
        box.fault(0, "hang")
        box.fault("discovery", "hang")
        for name, ask in (("check", client.endpoints.check), ("refresh", client.endpoints.refresh)):
            with pytest.raises(APITimeoutError) as late:
                await ask(timeout=0.05)
            assert (late.value.call, late.value.limit, late.value.seconds) == (f"endpoints.{name}", "total", 0.05)
            with pytest.raises(ConfigurationError, match=r"timeout\.total must be a number"):
                await ask(timeout=-1)
