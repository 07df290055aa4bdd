"""The control port: the same faults, journal and bases over plain HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from nexevo_async.sandbox import Sandbox


class Control:
    """Calls the control port; gives status and JSON."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http, self._url = http, url

    async def __call__(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._http.request(method, self._url + path, json=body) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(bases=2, rate_limit=None) as box:
        yield box


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


@pytest.fixture
def control(http: aiohttp.ClientSession, box: Sandbox) -> Control:
    return Control(http, box.control_url)


async def health(http: aiohttp.ClientSession, url: str) -> int:
    async with http.get(f"{url}/api/v1/healthy") as answer:
        return answer.status


async def test_state_names_everything(box: Sandbox, control: Control) -> None:
    status, state = await control("GET", "/state")
    assert status == 200
    assert (state["api_key"], state["base_urls"]) == (box.api_key, list(box.base_urls))
    assert [(host["base"], host["up"]) for host in state["hosts"]] == [(0, True), (1, True), ("discovery", True)]
    assert [link["api"] for link in state["links"]] == list(box.base_urls)
    assert state["reset_tokens"] == {}


async def test_faults_are_added_listed_and_ended(box: Sandbox, http: aiohttp.ClientSession, control: Control) -> None:
    fault = {"base": 0, "kind": "status", "route": "endpoints.health", "status": 503}
    status, added = await control("POST", "/faults", fault)
    assert (status, added["fault"]["options"]["status"], added["fault"]["hits"]) == (201, 503, 0)
    assert await health(http, box.base_url) == 503
    _, listed = await control("GET", "/faults")
    assert [(found["id"], found["hits"]) for found in listed["faults"]] == [(added["fault"]["id"], 1)]
    status, ended = await control("DELETE", f"/faults/{added['fault']['id']}")
    assert (status, ended["fault"]["active"]) == (200, False)
    assert await health(http, box.base_url) == 200


async def test_all_faults_end_at_once(box: Sandbox, http: aiohttp.ClientSession, control: Control) -> None:
    for base in (0, None, "discovery"):
        assert (await control("POST", "/faults", {"base": base, "kind": "status"}))[0] == 201
    assert await control("DELETE", "/faults") == (200, {"faults": []})
    assert await health(http, box.base_url) == 200


async def test_the_journal_is_read_filtered_and_emptied(
    box: Sandbox, http: aiohttp.ClientSession, control: Control
) -> None:
    for url in box.base_urls:
        await health(http, url)
    _, journal = await control("GET", "/journal?base=1")
    assert [(entry["base"], entry["route"]) for entry in journal["entries"]] == [(1, "endpoints.health")]
    assert (await control("GET", "/journal?route=keys.create"))[1] == {"entries": []}
    assert len((await control("GET", "/journal?route=endpoints.health"))[1]["entries"]) == 2
    assert await control("DELETE", "/journal") == (200, {"entries": []})
    assert box.journal() == []


async def test_discoverys_words_are_changed(box: Sandbox, http: aiohttp.ClientSession, control: Control) -> None:
    link = {"api": "https://spare.example", "desc": "spare", "priority": 1, "status": "ok"}
    assert await control("POST", "/links", {"links": [link]}) == (200, {"links": [link]})
    headers = {"Authorization": f"Bearer {box.api_key}"}
    async with http.get(f"{box.discovery_url}/api/v1/links", headers=headers) as answer:
        assert await answer.json() == [link]


async def test_a_base_is_killed_and_revived(box: Sandbox, http: aiohttp.ClientSession, control: Control) -> None:
    _, state = await control("POST", "/bases/1/kill")
    assert [host["up"] for host in state["hosts"]] == [True, False, True]
    with pytest.raises(aiohttp.ClientConnectorError):
        await health(http, box.base_urls[1])
    await control("POST", "/bases/1/revive")
    assert await health(http, box.base_urls[1]) == 200
    await control("POST", "/bases/discovery/kill")
    assert not box.is_up("discovery")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "/faults", {"base": 0}, 400, "'kind' is required and must be a string."),
        ("POST", "/faults", {"base": 7, "kind": "hang"}, 400, "no base 7; there are 0, 1, 'discovery'"),
        ("POST", "/faults", {"base": [], "kind": "hang"}, 400, "no base []"),
        ("POST", "/faults", {"kind": "slow", "delay": 1, "speed": 2}, 400, "does not know speed"),
        ("POST", "/faults", {"kind": "hang", "count": "three"}, 400, ""),
        ("POST", "/faults", [], 400, "must be a JSON object"),
        ("POST", "/links", {"links": "x"}, 400, "'links' must be a list of objects."),
        ("POST", "/bases/x/kill", None, 400, "invalid literal"),
        ("DELETE", "/faults/99", None, 404, "No fault 99 is in force."),
        ("GET", "/nothing", None, 404, "GET /nothing is no control call."),
    ],
)
async def test_mistakes_are_explained(
    control: Control, method: str, path: str, body: Any, status: int, message: str
) -> None:
    answered, error = await control(method, path, body)
    assert answered == status
    assert message in error["error"]["message"]


async def test_what_happens_on_the_control_port_is_not_in_the_journal(box: Sandbox, control: Control) -> None:
    await control("GET", "/state")
    assert box.journal() == []
