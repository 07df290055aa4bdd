"""The box as a whole: opening, closing, addresses, killing and reviving, from its own loop and from other threads."""

from __future__ import annotations

import asyncio
import io
import math
import socket
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from nexevo_async.sandbox import Sandbox

HELLO = {"model": "nexevo/fast", "messages": [{"role": "user", "content": "Hello!"}]}


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(bases=2, rate_limit=None) as box:
        yield box


@pytest.fixture
async def http(box: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, headers={"Authorization": f"Bearer {box.api_key}"}) as http:
        yield http


def healthy(url: str) -> bool:
    with urllib.request.urlopen(f"{url}/api/v1/healthy", timeout=5) as answer:
        return bool(answer.read() == b"healthy")


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; the test's own time limit ends a wait in vain."""
    while not condition():  # noqa: ASYNC110 - what we wait for is seen from outside, so nobody can signal it
        await asyncio.sleep(0.005)


async def test_addresses_are_distinct_loopback_ports(box: Sandbox) -> None:
    """Two bases, discovery and control have four addresses, and base_url is the first base."""
    addresses = {*box.base_urls, box.discovery_url, box.control_url}
    assert len(addresses) == 4
    assert all(address.startswith("http://127.0.0.1:") for address in addresses)
    assert box.base_url == box.base_urls[0]
    assert box.api_key.startswith("sk-xc-")


async def test_health_needs_no_key_and_answers_plain_text(box: Sandbox) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{box.base_url}/api/v1/healthy") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        assert await answer.text() == "healthy"


async def test_discovery_lists_the_bases_in_descending_priority(box: Sandbox, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{box.discovery_url}/api/v1/links") as answer:
        links = await answer.json()
    assert [link["api"] for link in links] == list(box.base_urls)
    assert [link["priority"] for link in links] == [20, 10]
    assert {link["status"] for link in links} == {"ok"}
    assert all(link["desc"] for link in links)


async def test_discovery_needs_the_key(box: Sandbox) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{box.discovery_url}/api/v1/links") as answer:
        assert answer.status == 401


async def test_discovery_says_what_it_is_told_to_say(box: Sandbox, http: aiohttp.ClientSession) -> None:
    box.set_links([{"api": "https://elsewhere.example", "desc": "", "priority": 7, "status": "full"}])
    async with http.get(f"{box.discovery_url}/api/v1/links") as answer:
        assert await answer.json() == [
            {"api": "https://elsewhere.example", "desc": "", "priority": 7, "status": "full"}
        ]


@pytest.mark.parametrize("key", [None, "sk-xc-wrong", ""])
async def test_a_missing_or_wrong_key_is_401_in_the_openai_layout(box: Sandbox, key: str | None) -> None:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    url = f"{box.base_url}/v1/chat/completions"
    async with aiohttp.ClientSession() as http, http.post(url, json=HELLO, headers=headers) as answer:
        assert answer.status == 401
        error = (await answer.json())["error"]
    assert (error["code"], error["type"]) == ("invalid_api_key", "authentication_error")
    assert error["message"]


async def test_an_unknown_path_is_404_and_a_wrong_method_405(box: Sandbox, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{box.base_url}/v1/nothing") as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (404, "not_found")
    async with http.get(f"{box.base_url}/v1/chat/completions") as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (405, "method_not_allowed")


async def test_every_answer_has_a_trace_id_of_its_own(box: Sandbox, http: aiohttp.ClientSession) -> None:
    traces = []
    for path in ("/v1/models", "/v1/nothing", "/api/v1/healthy", "/v1/models/no-such-model"):
        async with http.get(box.base_url + path) as answer:
            traces.append(answer.headers["X-Trace-ID"])
    assert len(set(traces)) == 4


async def test_a_body_over_the_limit_is_413(box: Sandbox, http: aiohttp.ClientSession) -> None:
    async with http.post(f"{box.base_url}/v1/keys", data=io.BytesIO(bytes(64 * 2**20 + 1))) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (413, "request_too_large")


async def test_the_given_key_is_the_main_accounts(tmp_path: Path) -> None:
    """A box opened again on its file knows the same key."""
    for _ in range(2):
        async with Sandbox(api_key="sk-xc-mine", db=str(tmp_path / "state.db")) as box:
            assert box.api_key == "sk-xc-mine"
            headers = {"Authorization": "Bearer sk-xc-mine"}
            async with aiohttp.ClientSession(headers=headers) as http, http.get(f"{box.base_url}/v1/auth/me") as answer:
                assert answer.status == 200


async def test_bases_share_one_state(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """A key made at one base opens the other."""
    async with http.post(f"{box.base_urls[0]}/v1/keys", json={"name": "ci"}) as answer:
        headers = {"Authorization": f"Bearer {(await answer.json())['full_key']}"}
    async with http.get(f"{box.base_urls[1]}/v1/models", headers=headers) as answer:
        assert answer.status == 200


async def test_a_killed_base_refuses_at_once_and_comes_back_on_its_port(
    box: Sandbox, http: aiohttp.ClientSession
) -> None:
    url = f"{box.base_url}/api/v1/healthy"
    for _ in range(3):
        box.kill(0)
        assert not box.is_up(0)
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.get(url)
        box.revive(0)
        assert box.is_up(0)
        async with http.get(url) as answer:
            assert await answer.text() == "healthy"


async def test_killing_without_a_pause_and_reviving_leaves_the_base_up(box: Sandbox) -> None:
    """Kills and revivals in one breath, before the loop runs, end in the last state asked for."""
    for _ in range(5):
        box.kill(0)
        box.revive(0)
    assert await asyncio.to_thread(healthy, box.base_url)
    box.kill(0)
    box.revive(0)
    box.kill(0)
    await asyncio.sleep(0.01)
    with pytest.raises(OSError):
        await asyncio.to_thread(healthy, box.base_url)


async def test_killing_resets_open_connections(box: Sandbox) -> None:
    """A connection that waits for its answer is reset, and no request stays in flight."""
    box.fault(0, "hang")
    port = int(box.base_url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /api/v1/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
    await eventually(lambda: box.in_flight(0) == 1)
    box.kill(0)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    await eventually(lambda: box.in_flight(0) == 0 and box.connections(0) == 0)


async def test_the_other_base_goes_on(box: Sandbox) -> None:
    box.kill(0)
    assert await asyncio.to_thread(healthy, box.base_urls[1])


async def test_counters_show_open_connections(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """An idle kept-alive connection counts as a connection, not as a request."""
    assert box.connections(0) == 0
    async with http.get(f"{box.base_url}/api/v1/healthy") as answer:
        await answer.read()
    assert (box.connections(0), box.in_flight(0)) == (1, 0)
    await http.close()
    await eventually(lambda: box.connections(0) == 0)


async def test_a_thousand_chats_at_once(box: Sandbox, http: aiohttp.ClientSession) -> None:
    """A thousand connections in the same moment, every one of them answered."""

    async def one() -> int:
        async with http.post(f"{box.base_url}/v1/chat/completions", json=HELLO) as answer:
            await answer.read()
            return answer.status

    assert set(await asyncio.gather(*(one() for _ in range(1000)))) == {200}


async def test_closing_is_quick_and_leaves_no_task_behind() -> None:
    """Hanging requests on a box do not hold up its end, and nothing of it outlives it."""
    before = asyncio.all_tasks()
    async with Sandbox(bases=2) as box:
        box.fault(None, "hang")
        headers = {"Authorization": f"Bearer {box.api_key}"}
        async with aiohttp.ClientSession(headers=headers) as http:
            calls = [asyncio.create_task(http.post(f"{url}/v1/keys", json={"name": "x"})) for url in box.base_urls * 10]
            await eventually(lambda: box.in_flight(0) + box.in_flight(1) == 20)
            began = time.monotonic()
            await box.__aexit__(None, None, None)
            assert time.monotonic() - began < 1
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(outcome, aiohttp.ClientConnectionError) for outcome in outcomes)
    assert asyncio.all_tasks() == before


async def test_the_journal_can_be_read_after_the_end() -> None:
    async with Sandbox() as box:
        await asyncio.to_thread(healthy, box.base_url)
    assert [entry.route for entry in box.journal()] == ["endpoints.health"]


def test_a_plain_with_serves_on_a_thread_that_ends_with_it() -> None:
    before = threading.active_count()
    with Sandbox(bases=2, rate_limit=None) as box:
        assert healthy(box.base_url)
        assert [entry.route for entry in box.journal()] == ["endpoints.health"]
        box.kill(0)
        with pytest.raises(OSError):
            healthy(box.base_url)
        box.revive(0)
        assert healthy(box.base_url)
        fault = box.fault(1, "refuse")
        with pytest.raises(OSError):
            healthy(box.base_urls[1])
        fault.clear()
        assert healthy(box.base_urls[1])
        box.clear_journal()
        assert box.journal() == []
        assert box.connections(0) in (0, 1)
    assert threading.active_count() == before
    with pytest.raises(OSError):
        healthy(box.base_url)


def test_a_box_can_be_opened_again() -> None:
    box = Sandbox()
    for _ in range(2):
        with box:
            assert healthy(box.base_url)


async def test_an_async_box_can_be_steered_from_another_thread(box: Sandbox) -> None:
    await asyncio.to_thread(box.kill, 0)
    assert not box.is_up(0)
    await asyncio.to_thread(box.revive, 0)
    assert await asyncio.to_thread(healthy, box.base_url)


def test_fixed_ports_are_taken_and_given_back() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for _ in range(2):
        with Sandbox(ports=[port]) as box:
            assert box.base_url == f"http://127.0.0.1:{port}"
            assert healthy(box.base_url)


def test_a_taken_port_is_an_error_that_leaves_nothing_open() -> None:
    before = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Sandbox(ports=[taken.getsockname()[1]]).__enter__()
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bases": 0}, "bases must be at least 1"),
        ({"bases": 2, "ports": [1]}, "ports must name 2 ports"),
        ({"bases": "2"}, "bases must be at least 1"),
        ({"ports": [70000]}, "ports must be whole numbers from 0 to 65535"),
        ({"rate_limit": 0}, "rate_limit must be at least 1"),
        ({"rate_limit": [60]}, "rate_limit must be at least 1"),
        ({"token_delay": math.nan}, "token_delay must be 0 or more"),
        ({"upstream": 8000}, "upstream must be an http"),
        ({"token_delay": -1}, "token_delay must be 0 or more"),
        ({"upstream": "localhost:8000"}, "upstream must be an http"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Sandbox(**arguments)  # type: ignore[arg-type]


async def test_a_capped_key_sets_off_its_webhook_and_is_refused_from_then_on() -> None:
    """A second box over TLS receives the alert; over the cap every call of the key is 402."""
    async with Sandbox(tls=True) as hook, Sandbox(rate_limit=None, webhook_ssl=hook.ssl_context) as box:
        async with aiohttp.ClientSession(box.base_url, headers={"Authorization": f"Bearer {box.api_key}"}) as http:
            async with http.post("/v1/keys", json={"name": "ci"}) as answer:
                made = await answer.json()
            path = f"/v1/keys/{made['key']['key_id']}"
            await http.patch(f"{path}/spend-cap", json={"monthly_spend_cap_usd": "0.00001"})
            await http.patch(f"{path}/alert-webhook", json={"url": f"{hook.base_url}/alerts"})
            capped = {"Authorization": f"Bearer {made['full_key']}"}
            statuses = []
            for method, where in (
                ("POST", "/v1/chat/completions"),
                ("POST", "/v1/chat/completions"),
                ("GET", "/v1/models"),
            ):
                async with http.request(method, where, json=HELLO, headers=capped) as answer:
                    statuses.append((answer.status, (await answer.json()).get("error", {}).get("code")))
        assert statuses == [(200, None), (402, "spend_cap_exceeded"), (402, "spend_cap_exceeded")]
        await eventually(lambda: len(hook.journal()) == 2)
        assert {(entry.method, entry.path) for entry in hook.journal()} == {("POST", "/alerts")}


def test_a_fault_needs_a_box_that_is_open() -> None:
    with pytest.raises(RuntimeError, match="the sandbox is not running; use it inside `with` or `async with`"):
        Sandbox().fault(0, "hang")


def test_a_box_that_was_closed_while_refusing_opens_healthy() -> None:
    box = Sandbox(bases=2)
    with box:
        box.fault(0, "refuse")
        box.kill(1)
    with box:
        assert box.faults() == []
        assert [healthy(url) for url in box.base_urls] == [True, True]


async def test_unknown_bases_are_refused(box: Sandbox) -> None:
    with pytest.raises(ValueError, match="no base 2; there are 0, 1, 'discovery'"):
        box.kill(2)


@pytest.mark.parametrize("key", ["", "\u00e9", "a\nb", "a b", 5])
def test_a_key_that_cannot_travel_is_refused(key: Any) -> None:
    with pytest.raises(ValueError, match="api_key must be text of printable ASCII characters without blanks"):
        Sandbox(api_key=key)
