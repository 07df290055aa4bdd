"""``client.sub_accounts``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from nexevo_async._codec import Undecodable
from nexevo_async.errors import ConfigurationError
from nexevo_async.resources.sub_accounts import SubAccounts
from tests.resources.conftest import ScriptedTransport

SK = "sk-very-secret"
PRICING = [{"model": "gpt-4o", "pricing_factor": 1.2}]


def item(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A sub-account as it is documented."""
    return {
        "id": number,
        "user_id": 42,
        "token": SK,
        "token_type": "slave",
        "alias": "team",
        "enabled": True,
        "model_pricing": [{"model": "gpt-4o", "pricing_factor": 1.2}],
        "balance": "0.44000013",
        "monthly_cost": "0.05999987",
        "created_at": "2026-01-09T08:00:00.000001+08:00",
        "updated_at": "2026-01-09T08:00:00.000001+08:00",
    } | changes


async def test_list(transport: ScriptedTransport) -> None:
    """Every documented field, exact and aware; the key is not in the repr."""
    transport.answer = {"items": [item()], "total": 1, "page": 1, "pageSize": 20}

    page = await SubAccounts(transport).list(alias="team", sk=SK, page=1, page_size=20)

    assert transport.last.line == "GET /api/v1/account/sub-account/list"
    assert transport.last.query == {"alias": "team", "sk": SK, "page": 1, "page_size": 20}
    assert (page.total, page.page, page["pageSize"]) == (1, 1, 20)
    account = page[0]
    assert (account.id, account.user_id, account.token, account.token_type) == (1, 42, SK, "slave")
    assert (account.balance, account.monthly_cost) == (Decimal("0.44000013"), Decimal("0.05999987"))
    assert account.model_pricing[0].pricing_factor == Decimal("1.2")
    assert account.created_at == datetime(2026, 1, 9, 8, 0, 0, 1, tzinfo=timezone(timedelta(hours=8)))
    assert "secret" not in repr(page)


async def test_list_without_anything(transport: ScriptedTransport) -> None:
    """No default is sent that the caller did not set."""
    transport.answer = {"items": [], "total": 0, "page": 1, "pageSize": 20}

    assert (await SubAccounts(transport).list()).items == []
    assert transport.last.query == {}


async def test_iteration_goes_through_the_pages(transport: ScriptedTransport) -> None:
    """Filters go along with every page."""
    transport.answers = [
        {"items": [item(1), item(2)], "total": 5, "page": 1, "pageSize": 2},
        {"items": [item(3), item(4)], "total": 5, "page": 2, "pageSize": 2},
        {"items": [item(5)], "total": 5, "page": 3, "pageSize": 2},
    ]

    numbers = [account.id async for account in SubAccounts(transport).list(alias="team", page_size=2)]

    assert numbers == [1, 2, 3, 4, 5]
    assert [sent.query for sent in transport.sent] == [
        {"alias": "team", "page_size": 2},
        {"alias": "team", "page_size": 2, "page": 2},
        {"alias": "team", "page_size": 2, "page": 3},
    ]


async def test_all_on_one_page(transport: ScriptedTransport) -> None:
    """A size of -1 asks once."""
    transport.answer = {"items": [item(1), item(2)], "total": 2, "page": 1, "pageSize": -1}

    assert [account.id async for account in SubAccounts(transport).list(page_size=-1)] == [1, 2]
    assert [sent.query for sent in transport.sent] == [{"page_size": -1}]


@pytest.mark.parametrize("field", [*item()])
async def test_a_missing_documented_field(transport: ScriptedTransport, field: str) -> None:
    """Is one error that names its place and never shows a key."""
    broken = item()
    del broken[field]
    transport.answer = {"items": [item(), broken]}

    with pytest.raises(Undecodable) as caught:
        await SubAccounts(transport).list()

    assert caught.value.problems == (f"items[1].{field}: missing",)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"page": 0}, "page must be at least 1"),
        ({"page_size": 0}, "page_size must be at least 1, or -1"),
        ({"page_size": True}, "page_size must be a whole number"),
        ({"alias": ""}, "alias must not be empty"),
        ({"sk": ""}, "sk must not be empty"),
    ],
)
def test_lists_that_cannot_be(transport: ScriptedTransport, arguments: dict[str, Any], problem: str) -> None:
    """Refused at once."""
    with pytest.raises(ConfigurationError, match=problem):
        SubAccounts(transport).list(**arguments)


async def test_create(transport: ScriptedTransport) -> None:
    """Balance and factor are JSON numbers digit for digit; the answer is a list that knows `success`."""
    transport.answer = {"items": [item(1), item(2)], "success": True}

    made = await SubAccounts(transport).create(
        alias="team", balance=Decimal("0.50"), model_pricing=[{"model": "gpt-4o", "pricing_factor": "1.20"}], count=2
    )

    assert transport.last.line == "POST /api/v1/account/sub-account/token"
    assert transport.last.body == {
        "alias": "team",
        "balance": Decimal("0.50"),
        "model_pricing": [{"model": "gpt-4o", "pricing_factor": Decimal("1.20")}],
        "count": 2,
    }
    assert str(transport.last.body["balance"]) == "0.50"
    assert [account.id for account in made.items] == [1, 2]
    assert (made["success"], made["items"][0]["token"], made[0].token) == (True, SK, SK)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"alias": ""}, "alias must not be empty"),
        ({"balance": 0.5}, r"balance must be exact, .*Decimal\('0.5'\)"),
        ({"balance": 0}, "balance must be more than zero"),
        ({"count": 0}, "count must be at least 1"),
        ({"count": True}, "count must be a whole number"),
        ({"model_pricing": []}, "model_pricing must name at least one model"),
        ({"model_pricing": [{"model": "a", "prompt_price": 1}]}, "prompt_price is obsolete: give pricing_factor"),
        ({"prompt_price": 1}, "prompt_price is obsolete: give pricing_factor"),
        ({"auto_following": True}, "auto_following is obsolete: give pricing_factor"),
    ],
)
async def test_creations_that_cannot_be(transport: ScriptedTransport, arguments: dict[str, Any], problem: str) -> None:
    """Nothing is sent."""
    with pytest.raises(ConfigurationError, match=problem):
        await SubAccounts(transport).create(**({"alias": "team", "balance": 1, "model_pricing": PRICING} | arguments))

    assert transport.sent == []


async def test_create_wants_the_prices(transport: ScriptedTransport) -> None:
    """There is no default: a model that is not listed may not be used."""
    with pytest.raises(TypeError, match="model_pricing"):
        await SubAccounts(transport).create(alias="team", balance=1)  # type: ignore[call-arg]  # that is the point


async def test_update(transport: ScriptedTransport) -> None:
    """A new alias only if there is one; prices read from an answer can be sent again."""
    transport.answer = {"items": [item()]}
    account = (await SubAccounts(transport).list())[0]
    transport.answer = {"success": True}

    answer = await SubAccounts(transport).update([SK], model_pricing=account.model_pricing)
    assert transport.last.line == "POST /api/v1/account/sub-account/token/info"
    assert transport.last.body == {
        "sks": [SK],
        "model_pricing": [{"model": "gpt-4o", "pricing_factor": Decimal("1.2")}],
    }
    assert answer.success is answer["success"] is True

    await SubAccounts(transport).update(sks={SK}, model_pricing=[], alias="new")
    assert transport.last.body == {"sks": [SK], "model_pricing": [], "alias": "new"}


async def test_update_refuses_obsolete_prices(transport: ScriptedTransport) -> None:
    """As a keyword too."""
    with pytest.raises(ConfigurationError, match="completion_price is obsolete: give pricing_factor"):
        await SubAccounts(transport).update([SK], model_pricing=PRICING, completion_price=1)  # type: ignore[call-arg]  # that is the point


async def test_delete(transport: ScriptedTransport) -> None:
    """The keys travel in the body, not in the query."""
    transport.answer = {"success": True}

    answer = await SubAccounts(transport).delete([SK])

    assert (transport.last.line, transport.last.query) == ("DELETE /api/v1/account/sub-account/token", {})
    assert transport.last.body == {"sks": [SK]}
    assert answer.success is True


@pytest.mark.parametrize("sks", [[], SK, None, [SK, ""], [SK, 7]])
async def test_keys_that_cannot_be(transport: ScriptedTransport, sks: Any) -> None:
    """An empty list, a lone key, what is no text: refused, and no key is shown."""
    for call in (SubAccounts(transport).delete(sks), SubAccounts(transport).update(sks, model_pricing=PRICING)):
        with pytest.raises(ConfigurationError, match="sks") as caught:
            await call
        assert SK not in str(caught.value)

    assert transport.sent == []
