"""Keys: shown once, revoked at once, capped by month, with alerts that are really sent."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from nexevo_async.sandbox.alerts import SpendAlert, passed_thresholds
from nexevo_async.sandbox.webhooks import WebhookSender

KEYS = "/v1/keys"


async def test_a_key_is_shown_once_and_works(api) -> None:
    made = await api.call("POST", KEYS, {"name": "ci"}, expect=201)
    full_key, key = made["full_key"], made["key"]
    assert full_key.startswith("sk-xc-")
    assert key.pop("key_id").startswith("key_")
    assert key == {
        "name": "ci",
        "hint": f"sk-xc-…{full_key[-4:]}",
        "monthly_spend_cap_usd": None,
        "month_spend_usd": "0.00",
        "alert_webhook_url": None,
        "geo_policy": "any",
        "created_at": "2026-01-15T12:00:00.000000+00:00",
    }
    listed = await api.call("GET", KEYS, key=full_key)
    assert [entry["name"] for entry in listed["keys"]] == ["sandbox", "ci"]
    assert full_key not in json.dumps(listed)


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, 7, None])
async def test_a_name_has_1_to_100_characters(api, name: object) -> None:
    assert (await api.refused("POST", KEYS, {"name": name}))[1] == "name"
    await api.call("POST", KEYS, {"name": "x" * 100}, expect=201)


async def test_a_revoked_key_is_refused_at_once_and_revoking_may_be_repeated(api) -> None:
    full_key, key_id = await api.new_key()
    for _ in range(2):
        assert await api.call("DELETE", f"{KEYS}/{key_id}") == {"key_id": key_id, "revoked": True}
    assert await api.refused("GET", KEYS, key=full_key, expect=401) == ("invalid_api_key", None)
    assert [entry["name"] for entry in (await api.call("GET", KEYS))["keys"]] == ["sandbox"]
    assert await api.refused("PATCH", f"{KEYS}/{key_id}/geo-policy", {"geo_policy": "any"}, expect=404) == (
        "key_not_found",
        None,
    )


async def test_the_keys_of_others_do_not_exist(api) -> None:
    _, key_id = await api.new_key()
    _, token = await api.someone("ann@example.com")
    assert await api.refused("DELETE", f"{KEYS}/{key_id}", key=token, expect=404) == ("key_not_found", None)
    assert await api.call("GET", KEYS, key=token) == {"keys": []}


async def test_a_capped_key_is_refused_for_everything_until_the_month_ends(api) -> None:
    full_key, key_id = await api.new_key()
    capped = await api.call("PATCH", f"{KEYS}/{key_id}/spend-cap", {"monthly_spend_cap_usd": "2.50"})
    assert capped["monthly_spend_cap_usd"] == "2.50"
    api.spend("2.499999999", key=full_key)
    await api.call("GET", KEYS, key=full_key)
    api.spend("0.000000001", key=full_key)
    assert await api.refused("GET", KEYS, key=full_key, expect=402) == ("spend_cap_exceeded", None)
    chat = {"model": "nexevo/fast", "messages": [{"role": "user", "content": "Hello!"}]}
    refused = await api.refused("POST", "/v1/chat/completions", chat, key=full_key, expect=402)
    assert refused == ("spend_cap_exceeded", None)
    await api.call("GET", KEYS)  # the account's other keys are free
    api.clock.now = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
    await api.call("GET", KEYS, key=full_key, expect=402)
    api.clock.advance(seconds=1)
    await api.call("GET", KEYS, key=full_key)


async def test_a_raised_or_cleared_cap_lets_the_key_in_again(api) -> None:
    full_key, key_id = await api.new_key()
    cap = f"{KEYS}/{key_id}/spend-cap"
    await api.call("PATCH", cap, {"monthly_spend_cap_usd": 1})
    api.spend("1", key=full_key)
    await api.call("GET", KEYS, key=full_key, expect=402)
    await api.call("PATCH", cap, {"monthly_spend_cap_usd": "1.01"})
    await api.call("GET", KEYS, key=full_key)
    api.spend("1", key=full_key)
    cleared = await api.call("PATCH", cap, {"clear": True})
    assert (cleared["monthly_spend_cap_usd"], cleared["month_spend_usd"]) == (None, "2.00")
    await api.call("GET", KEYS, key=full_key)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"clear": False},
        {"clear": "yes"},
        {"monthly_spend_cap_usd": "5", "clear": True},
        {"monthly_spend_cap_usd": None},
        {"monthly_spend_cap_usd": 0},
        {"monthly_spend_cap_usd": "-1"},
        {"monthly_spend_cap_usd": "NaN"},
        {"monthly_spend_cap_usd": True},
    ],
)
async def test_a_cap_is_an_amount_or_cleared_and_exactly_one(api, body: object) -> None:
    _, key_id = await api.new_key()
    assert (await api.refused("PATCH", f"{KEYS}/{key_id}/spend-cap", body))[0] in {
        "invalid_value",
        "invalid_type",
        "missing_required_parameter",
    }


@pytest.mark.parametrize("policy", ["cn-only", "overseas-only", "any"])
async def test_a_geo_policy_is_kept(api, policy: str) -> None:
    _, key_id = await api.new_key()
    changed = await api.call("PATCH", f"{KEYS}/{key_id}/geo-policy", {"geo_policy": policy})
    assert changed["geo_policy"] == policy


async def test_any_other_geo_policy_is_refused(api) -> None:
    _, key_id = await api.new_key()
    refused = await api.refused("PATCH", f"{KEYS}/{key_id}/geo-policy", {"geo_policy": "moon"})
    assert refused == ("invalid_value", "geo_policy")


async def test_a_webhook_is_kept_and_null_clears_it(api) -> None:
    _, key_id = await api.new_key()
    hook = f"{KEYS}/{key_id}/alert-webhook"
    url = "https://hooks.example.com/x?y=1"
    assert (await api.call("PATCH", hook, {"url": url}))["alert_webhook_url"] == url
    assert (await api.call("PATCH", hook, {"url": None}))["alert_webhook_url"] is None


@pytest.mark.parametrize(
    "url", ["http://example.com", "https://", "ftp://example.com", "", "https://[", "https://me:pw@example.com", 7]
)
async def test_a_webhook_must_be_https(api, url: object) -> None:
    _, key_id = await api.new_key()
    assert (await api.refused("PATCH", f"{KEYS}/{key_id}/alert-webhook", {"url": url}))[1] == "url"
    assert (await api.refused("PATCH", f"{KEYS}/{key_id}/alert-webhook", {}))[1] == "url"


@pytest.mark.parametrize(
    ("expected", "before", "after"),
    [([], 0, 79), ([80], 0, 80), ([], 80, 99), ([100], 80, 100), ([80, 100], 0, 150), ([], 100, 200)],
)
def test_each_threshold_is_passed_once(expected: list[int], before: int, after: int) -> None:
    assert passed_thresholds(before, after, 100) == expected


class Receiver:
    """A local https server that keeps what it is told, and fails as often as it is asked to."""

    def __init__(self) -> None:
        self.arrived: list[dict[str, object]] = []
        self.failures = 0
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.arrived.append(await request.json())
        if self.failures:
            self.failures -= 1
            raise web.HTTPServiceUnavailable
        return web.Response()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def receiver(authority: trustme.CA) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    server = TestServer(app, scheme="https", host="localhost")
    await server.start_server(ssl=context)
    receiver.url = str(server.make_url("/hook"))
    yield receiver
    await server.close()


@pytest.fixture
async def sender(authority: trustme.CA) -> AsyncIterator[WebhookSender]:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    sender = WebhookSender(ssl_context=context, pause=0)
    sender.start()
    yield sender
    await sender.close()


async def test_passing_80_and_100_percent_of_the_cap_calls_the_webhook(api, receiver, sender) -> None:
    api.store.on_alert = sender.enqueue
    full_key, key_id = await api.new_key()
    await api.call("PATCH", f"{KEYS}/{key_id}/spend-cap", {"monthly_spend_cap_usd": "10"})
    await api.call("PATCH", f"{KEYS}/{key_id}/alert-webhook", {"url": receiver.url})
    for cost in ("7.99", "0.01", "1", "1", "1"):
        api.spend(cost, key=full_key)
    api.spend("50")  # another key has alerts of its own, and wants none
    await sender.drain()
    assert receiver.arrived == [
        {
            "event": "spend_alert",
            "key_id": key_id,
            "threshold_pct": percent,
            "month": "2026-01",
            "month_spend_usd": spent,
            "monthly_spend_cap_usd": "10",
            "sent_at": "2026-01-15T12:00:00+00:00",
        }
        for percent, spent in ((80, "8"), (100, "10"))
    ]


def alert(url: str) -> SpendAlert:
    return SpendAlert(
        url=url,
        key_id="key_1",
        threshold_pct=80,
        month="2026-01",
        month_spend_usd=Decimal(8),
        monthly_spend_cap_usd=Decimal(10),
        at=datetime(2026, 1, 15, tzinfo=UTC),
    )


async def test_a_webhook_that_fails_is_tried_again(receiver, sender) -> None:
    receiver.failures = 2
    sender.enqueue(alert(receiver.url))
    await sender.drain()
    assert len(receiver.arrived) == 3


async def test_a_webhook_that_never_answers_well_is_given_up_without_its_address_in_the_log(
    receiver, sender, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.failures = 99
    with caplog.at_level(logging.WARNING, "nexevo.sandbox"):
        sender.enqueue(alert(receiver.url + "?token=hush"))
        sender.enqueue(alert("https://localhost:1/hook?token=hush"))
        await sender.drain()
    assert len(receiver.arrived) == 3
    assert caplog.messages == [
        "alert webhook of key_1 given up after 3 attempts: status 503",
        "alert webhook of key_1 given up after 3 attempts: ClientConnectorError",
    ]
    assert "hush" not in repr(alert("https://localhost/hook?token=hush"))


async def test_a_receiver_that_is_not_trusted_gets_nothing(receiver) -> None:
    strict = WebhookSender(pause=0)
    strict.start()
    strict.enqueue(alert(receiver.url))
    await strict.drain()
    await strict.close()
    assert receiver.arrived == []


async def test_closing_stops_at_once_and_leaves_no_task(receiver) -> None:
    before = asyncio.all_tasks()
    patient = WebhookSender(pause=3600)
    patient.start()
    patient.enqueue(alert("https://localhost:1/hook"))
    await asyncio.sleep(0.01)
    await patient.close()
    await patient.close()
    assert asyncio.all_tasks() == before
