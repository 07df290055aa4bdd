"""``client.keys``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from nexevo_async.errors import ConfigurationError
from nexevo_async.resources.keys import Keys
from tests.resources.conftest import ScriptedTransport


async def test_create(transport: ScriptedTransport) -> None:
    """The documented sample: the secret and the id by both spellings; the secret is not in the repr."""
    transport.answer = {"full_key": "sk-xc-secret", "key": {"key_id": "key_1", "name": "ci"}}

    new = await Keys(transport).create(name="ci")

    assert (transport.last.line, transport.last.body) == ("POST /v1/keys", {"name": "ci"})
    assert new.full_key == new["full_key"] == "sk-xc-secret"
    assert new.key.key_id == new["key"]["key_id"] == "key_1"
    assert "secret" not in repr(new)


async def test_the_name_may_be_positional(transport: ScriptedTransport) -> None:
    """It is the subject of the call."""
    transport.answer = {"full_key": "sk-xc-secret", "key": {"key_id": "key_1"}}

    await Keys(transport).create("ci")

    assert transport.last.body == {"name": "ci"}


@pytest.mark.parametrize("name", ["", "x" * 101, None])
async def test_a_name_that_cannot_be(transport: ScriptedTransport, name: Any) -> None:
    """1 to 100 characters."""
    with pytest.raises(ConfigurationError, match="name must be"):
        await Keys(transport).create(name=name)

    assert transport.sent == []


async def test_list(transport: ScriptedTransport) -> None:
    """Amounts are exact; an unknown geo policy stays readable."""
    transport.answer = {
        "keys": [{"key_id": "key_1", "monthly_spend_cap_usd": "25.00", "geo_policy": "moon-only", "hint": "sk-…"}]
    }

    page = await Keys(transport).list()

    assert transport.last.line == "GET /v1/keys"
    assert (page[0].monthly_spend_cap_usd, page[0].geo_policy) == (Decimal("25.00"), "moon-only")
    assert page[0]["hint"] == "sk-…"


async def test_revoke(transport: ScriptedTransport) -> None:
    """The id stands in the path."""
    await Keys(transport).revoke("key_1")

    assert (transport.last.line, transport.last.body) == ("DELETE /v1/keys/key_1", None)


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ({"monthly_spend_cap_usd": Decimal("25.00")}, {"monthly_spend_cap_usd": "25.00"}),
        ({"monthly_spend_cap_usd": "25.00"}, {"monthly_spend_cap_usd": "25.00"}),
        ({"monthly_spend_cap_usd": 25}, {"monthly_spend_cap_usd": "25"}),
        ({"clear": True}, {"clear": True}),
    ],
)
async def test_update_spend_cap(transport: ScriptedTransport, arguments: dict[str, Any], body: dict[str, Any]) -> None:
    """A decimal string, or `clear`."""
    await Keys(transport).update_spend_cap("key_1", **arguments)

    assert (transport.last.line, transport.last.body) == ("PATCH /v1/keys/key_1/spend-cap", body)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"monthly_spend_cap_usd": "5", "clear": True},
        {"monthly_spend_cap_usd": 5.0},
        {"monthly_spend_cap_usd": 0},
        {"clear": False},
    ],
)
async def test_a_spend_cap_that_cannot_be(transport: ScriptedTransport, arguments: dict[str, Any]) -> None:
    """Both, neither, or no amount."""
    with pytest.raises(ConfigurationError, match="monthly_spend_cap_usd"):
        await Keys(transport).update_spend_cap("key_1", **arguments)

    assert transport.sent == []


@pytest.mark.parametrize("url", ["https://example.com/hook", None])
async def test_update_alert_webhook(transport: ScriptedTransport, url: str | None) -> None:
    """None is sent as null, which clears it."""
    await Keys(transport).update_alert_webhook("key_1", url=url)

    assert (transport.last.line, transport.last.body) == ("PATCH /v1/keys/key_1/alert-webhook", {"url": url})


async def test_a_webhook_is_https(transport: ScriptedTransport) -> None:
    """Nothing is sent otherwise."""
    with pytest.raises(ConfigurationError, match="url must be an https:// URL"):
        await Keys(transport).update_alert_webhook("key_1", "http://example.com/hook")

    assert transport.sent == []


@pytest.mark.parametrize("policy", ["cn-only", "overseas-only", "any"])
async def test_update_geo_policy(transport: ScriptedTransport, policy: Any) -> None:
    """The three documented words."""
    await Keys(transport).update_geo_policy("key_1", policy)

    assert (transport.last.line, transport.last.body) == ("PATCH /v1/keys/key_1/geo-policy", {"geo_policy": policy})


async def test_a_geo_policy_that_does_not_exist(transport: ScriptedTransport) -> None:
    """The message lists those that do."""
    with pytest.raises(ConfigurationError, match="geo_policy must be one of 'cn-only', 'overseas-only', 'any'"):
        await Keys(transport).update_geo_policy("key_1", "moon-only")  # type: ignore[arg-type]  # that is the point


async def test_every_call_wants_an_id(transport: ScriptedTransport) -> None:
    """An empty id would change another path."""
    keys = Keys(transport)
    for call in (
        keys.revoke(""),
        keys.update_spend_cap("", clear=True),
        keys.update_alert_webhook("", None),
        keys.update_geo_policy("", "any"),
    ):
        with pytest.raises(ConfigurationError, match="key_id must not be empty"):
            await call

    assert transport.sent == []
