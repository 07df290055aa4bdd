"""The journal: one entry for each request that arrived, with what a test needs to count duplicates."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest

from nexevo_async.sandbox import Sandbox
from nexevo_async.sandbox.journal import body_digest, idempotency_key


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(bases=2, rate_limit=None) as box:
        yield box


@pytest.fixture
async def http(box: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {box.api_key}"}) as http:
        yield http


async def test_an_entry_says_what_arrived_where(box: Sandbox, http: aiohttp.ClientSession) -> None:
    body = b'{"name": "ci"}'
    async with http.post(f"{box.base_urls[1]}/v1/keys?x=1", data=body, headers={"Idempotency-Key": "i-1"}) as answer:
        assert answer.status == 201
    (entry,) = box.journal()
    assert (entry.base, entry.method, entry.path, entry.route) == (1, "POST", "/v1/keys", "keys.create")
    assert entry.idempotency_key == "i-1"
    assert entry.body_digest == hashlib.sha256(body).hexdigest()
    assert (entry.status, entry.fault, entry.authorized) == (201, None, True)
    assert entry.key_id
    assert not entry.key_id.startswith("sk-")
    assert entry.time.utcoffset() == timedelta(0)


async def test_entries_read_as_items_too(box: Sandbox, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{box.base_url}/v1/models"):
        pass
    (entry,) = box.journal()
    assert entry["route"] == entry.route == "models.list"
    assert dict(entry)["base"] == 0
    assert "key_id" in entry
    with pytest.raises(KeyError):
        entry["secret"]


async def test_health_checks_show_whether_a_key_came_along(box: Sandbox, http: aiohttp.ClientSession) -> None:
    url = f"{box.base_url}/api/v1/healthy"
    async with http.get(url):
        pass
    async with aiohttp.ClientSession() as anonymous, anonymous.get(url):
        pass
    found = [(entry.route, entry.authorized, entry.key_id is None) for entry in box.journal()]
    assert found == [("endpoints.health", True, False), ("endpoints.health", False, True)]


async def test_discovery_and_unknown_paths_are_written_down(box: Sandbox, http: aiohttp.ClientSession) -> None:
    for url in (f"{box.discovery_url}/api/v1/links", f"{box.base_url}/nothing/here"):
        async with http.get(url):
            pass
    found = [(entry.base, entry.route, entry.path, entry.status) for entry in box.journal()]
    assert found == [("discovery", "endpoints.links", "/api/v1/links", 200), (0, None, "/nothing/here", 404)]


async def test_a_wrong_key_is_written_down_without_an_id(box: Sandbox) -> None:
    headers = {"Authorization": "Bearer sk-wrong"}
    async with aiohttp.ClientSession(headers=headers) as http, http.get(f"{box.base_url}/v1/models"):
        pass
    (entry,) = box.journal()
    assert (entry.status, entry.key_id, entry.authorized) == (401, None, True)
    assert "sk-wrong" not in repr(entry)


async def test_credentials_in_a_query_stay_out(box: Sandbox, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{box.base_url}/api/v1/account/sub-account/list", params={"sk": "sk-secret"}):
        pass
    assert "sk-secret" not in repr(box.journal())


async def test_half_a_request_is_not_written_down(box: Sandbox) -> None:
    """Only what arrived whole can have done anything."""
    _, writer = await asyncio.open_connection("127.0.0.1", int(box.base_url.rpartition(":")[2]))
    writer.write(b"POST /v1/keys HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.close()
    await asyncio.sleep(0.02)
    assert box.journal() == []


async def test_the_list_is_the_callers_own_and_can_be_emptied(box: Sandbox, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{box.base_url}/v1/models"):
        pass
    box.journal().clear()
    assert len(box.journal()) == 1
    box.clear_journal()
    assert box.journal() == []


def test_the_header_wins_over_the_bodys_idempotency_key() -> None:
    body = b'{"amount_usd": 5, "idempotency_key": "topup-1"}'
    assert idempotency_key({"Idempotency-Key": "h"}, body) == "h"
    assert idempotency_key({}, body) == "topup-1"


@pytest.mark.parametrize("body", [b"", b"{}", b'{"idempotency_key": 5}', b'["idempotency_key"]', b'{"idempotency_key"'])
def test_a_body_without_a_usable_key_has_none(body: bytes) -> None:
    assert idempotency_key({}, body) is None


def test_an_empty_body_has_no_digest() -> None:
    assert body_digest(b"") is None
