"""Answers of the discovery host that must not be believed: calls go on, nobody is asked, and there is one warning."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from nexevo_async import AsyncNexevo, HealthPolicy
from nexevo_async.sandbox import Sandbox
from tests.core.raw_server import RawServer, Visit
from tests.e2e.worlds import AsyncWorld

#: It asks again as soon as it may, so that a second answer of the same kind is met.
POLICY = HealthPolicy(links_ttl=0.05, links_error_base=0.05, links_min_interval=0.01, links_min_interval_panic=0.01)


class Host:
    """A discovery host with one answer for everybody."""

    def __init__(self, body: bytes, kind: str) -> None:
        self.asked = 0
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._answer = head.encode() + body

    async def __call__(self, visit: Visit) -> None:
        """One connection."""
        while await visit.request():
            self.asked += 1
            visit.send(self._answer)


async def discovered_with(body: bytes, caplog: pytest.LogCaptureFixture, *, kind: str = "application/json") -> None:
    """Calls while the host gives this answer several times: they succeed, and only the sandbox's base is ever known."""
    host = Host(body, kind)
    async with Sandbox(rate_limit=None) as box, RawServer(host) as server:
        client = AsyncNexevo(box.api_key, base_url=box.base_url, discovery_url=server.url, health=POLICY)
        async with client:
            assert await client.models.list()
            await AsyncWorld().until(lambda: host.asked >= 3)
            assert await client.models.list()
            assert [status.url for status in client.endpoints.snapshot()] == [box.base_url]
            await asyncio.sleep(0)
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1, warnings
    assert warnings[0].startswith("discovery ")
    assert "sk-secret" not in caplog.text


WHOLE = {
    "html": b"<!doctype html><html><body>It works!</body></html>",
    "nothing": b"",
    "huge": b"[" + b" " * 1_000_000 + b"]",
    "deeply nested": b"[" * 30_000 + b"]" * 30_000,
    "an object": b'{"error": {"message": "no"}}',
    "an empty list": b"[]",
    "a list of numbers": b"[1, 2.5, null, true, [], {}]",
}


@pytest.mark.parametrize("body", WHOLE.values(), ids=WHOLE)
async def test_an_answer_that_is_no_list_of_bases(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    await discovered_with(body, caplog, kind="text/html" if body.startswith(b"<") else "application/json")


ENTRIES: dict[str, dict[str, Any]] = {
    "a private address": {"api": "https://10.0.0.1"},
    "the metadata service": {"api": "https://169.254.169.254"},
    "a private name": {"api": "https://vault.internal"},
    "another scheme": {"api": "ftp://api.example.com"},
    "no tls": {"api": "http://api.example.com"},
    "another port": {"api": "https://api.example.com:8443"},
    "credentials": {"api": "https://user:sk-secret12345678@api.example.com"},
    "a key in the query": {"api": "https://api.example.com?key=sk-secret12345678"},
    "a path": {"api": "https://api.example.com/sk-secret12345678"},
    "a unicode host": {"api": "https://exämple.com"},
    "an address of another type": {"api": ["https://api.example.com"]},
    "a priority of another type": {"api": "https://api.example.com", "priority": "99"},
    "another status": {"api": "https://api.example.com", "status": "down"},
}


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "beside a good one"])
@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
async def test_an_entry_that_is_no_public_base(
    entry: dict[str, Any], alone: bool, caplog: pytest.LogCaptureFixture
) -> None:
    bad = {"desc": "", "priority": 9, "status": "ok", **entry}
    good = {"api": "http://127.0.0.1:1", "desc": "nobody listens there: it never proves itself", "status": "ok"}
    if alone:
        await discovered_with(json.dumps([bad, bad]).encode(), caplog)
        return
    host = Host(json.dumps([bad, good, good]).encode(), "application/json")
    async with Sandbox(rate_limit=None) as box, RawServer(host) as server:
        client = AsyncNexevo(box.api_key, base_url=box.base_url, discovery_url=server.url, health=POLICY)
        async with client:
            assert await client.models.list()
            await AsyncWorld().until(lambda: host.asked >= 3)
            assert await client.models.list()
            known = sorted(status.url for status in client.endpoints.snapshot())
            assert known == sorted([box.base_url, "http://127.0.0.1:1"])  # once, although it was named twice
    skipped = [message for message in caplog.messages if message.startswith("discovery named base URLs")]
    assert len(skipped) == 1
    assert "sk-secret" not in caplog.text
