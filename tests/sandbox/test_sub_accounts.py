"""Sub-accounts: their money, their models, and what their keys may not do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from nexevo_async.sandbox.handlers import account_routes

BASE = "/api/v1/account/sub-account"
PRICING = [{"model": "nexevo/fast", "pricing_factor": 2}]
CHAT = {"model": "nexevo/fast", "messages": [{"role": "user", "content": "Hello!"}]}


async def create(api, **changes: object) -> list[dict[str, Any]]:
    body = {"alias": "team", "balance": 1.5, "model_pricing": PRICING, "count": 1, **changes}
    answer = await api.call("POST", f"{BASE}/token", body)
    assert answer["success"] is True
    items: list[dict[str, Any]] = answer["items"]
    return items


async def listed(api, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await api.call("GET", f"{BASE}/list{query}"))["items"]
    return items


async def test_an_item_looks_as_documented(api) -> None:
    (item,) = await create(api, balance="0.44000013")
    assert item.pop("token").startswith("sk-")
    assert item == {
        "id": 1,
        "user_id": 1,
        "token_type": "slave",
        "alias": "team",
        "enabled": True,
        "model_pricing": PRICING,
        "balance": "0.44000013",
        "monthly_cost": "0.00000000",
        "created_at": "2026-01-15T20:00:00.000000+08:00",
        "updated_at": "2026-01-15T20:00:00.000000+08:00",
    }


async def test_creating_moves_the_balance_and_deleting_brings_the_rest_back(api) -> None:
    items = await create(api, balance=10, count=3)
    assert await api.balance() == Decimal(70)
    api.spend("1.5", key=items[0]["token"], model="nexevo/fast")  # at a factor of 2
    after = {item["id"]: (item["balance"], item["monthly_cost"]) for item in await listed(api)}
    assert after == {
        1: ("7.00000000", "3.00000000"),
        2: ("10.00000000", "0.00000000"),
        3: ("10.00000000", "0.00000000"),
    }
    tokens = [item["token"] for item in items[:2]]
    assert await api.call("DELETE", f"{BASE}/token", {"sks": tokens}) == {"success": True}
    assert await api.balance() == Decimal(87)
    assert [item["id"] for item in await listed(api)] == [3]
    await api.call("POST", "/v1/chat/completions", CHAT, key=tokens[0], expect=401)


async def test_nothing_is_made_when_the_balance_does_not_reach(api) -> None:
    body = {"alias": "team", "balance": "33.34", "model_pricing": PRICING, "count": 3}
    assert (await api.refused("POST", f"{BASE}/token", body, expect=402))[0] == "insufficient_balance"
    assert await listed(api) == []
    assert await api.balance() == Decimal(100)


async def test_pages_and_filters(api) -> None:
    first = await create(api, alias="a", balance=0, count=25)
    (other,) = await create(api, alias="b", balance=0)

    async def page(query: str) -> tuple[list[int], int, int, int]:
        answer = await api.call("GET", f"{BASE}/list{query}")
        return [item["id"] for item in answer["items"]], answer["total"], answer["page"], answer["pageSize"]

    assert await page("") == (list(range(1, 21)), 26, 1, 20)
    assert await page("?page=2") == (list(range(21, 27)), 26, 2, 20)
    assert await page("?page=9&page_size=10") == ([], 26, 9, 10)
    assert await page("?page_size=-1") == (list(range(1, 27)), 26, 1, -1)
    assert await page("?alias=b") == ([26], 1, 1, 20)
    assert await page(f"?sk={first[4]['token']}") == ([5], 1, 1, 20)
    assert await page(f"?sk={other['token']}&alias=a") == ([], 0, 1, 20)
    for query, name in [("page=0", "page"), ("page_size=0", "page_size"), ("page_size=-2", "page_size")]:
        assert (await api.refused("GET", f"{BASE}/list?{query}"))[1] == name


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("alias", {"alias": None}),
        ("alias", {"alias": ""}),
        ("balance", {"balance": None}),
        ("balance", {"balance": -1}),
        ("model_pricing", {"model_pricing": None}),
        ("model_pricing", {"model_pricing": {"nexevo/fast": 1}}),
        ("model_pricing", {"model_pricing": PRICING * 2}),
        ("model", {"model_pricing": [{"pricing_factor": 1}]}),
        ("pricing_factor", {"model_pricing": [{"model": "nexevo/fast"}]}),
        ("pricing_factor", {"model_pricing": [{"model": "nexevo/fast", "pricing_factor": 0}]}),
        ("prompt_price", {"prompt_price": 1}),
        ("completion_price", {"model_pricing": [{"model": "m", "pricing_factor": 1, "completion_price": 1}]}),
        ("auto_following", {"auto_following": False}),
        ("count", {"count": 0}),
        ("count", {"count": 101}),
        ("count", {"count": True}),
    ],
)
async def test_a_creation_names_the_field_at_fault(api, field: str, changes: dict[str, object]) -> None:
    body = {"alias": "team", "balance": 1, "model_pricing": PRICING, "count": 1, **changes}
    assert (await api.refused("POST", f"{BASE}/token", body))[1] == field
    assert await listed(api) == []


async def test_an_obsolete_field_says_what_to_use_instead(api) -> None:
    body = {"alias": "team", "balance": 1, "model_pricing": PRICING, "prompt_price": 1}
    error = (await api.call("POST", f"{BASE}/token", body, expect=400))["error"]
    assert error["message"] == (
        "'prompt_price' is obsolete; give each model a 'pricing_factor' in 'model_pricing' instead."
    )


async def test_an_update_changes_alias_and_prices_of_all_named(api) -> None:
    tokens = [item["token"] for item in await create(api, count=2)]
    api.clock.advance(hours=1)
    body = {"sks": tokens, "alias": "crew", "model_pricing": [{"model": "m", "pricing_factor": 0.25}]}
    for _ in range(2):  # may be repeated
        assert await api.call("POST", f"{BASE}/token/info", body) == {"success": True}
    for item in await listed(api):
        assert (item["alias"], item["model_pricing"]) == (
            "crew",
            [{"model": "m", "pricing_factor": Decimal("0.25")}],
        )
        assert item["updated_at"] == "2026-01-15T21:00:00.000000+08:00"
    await api.call("POST", f"{BASE}/token/info", {"sks": tokens[:1], "alias": "solo"})
    assert [(item["alias"], len(item["model_pricing"])) for item in await listed(api)] == [("solo", 1), ("crew", 1)]
    assert (await api.refused("POST", f"{BASE}/token/info", {"sks": tokens}))[1] == "model_pricing"


async def test_an_unknown_sub_account_is_no_success_and_nothing_happens(api) -> None:
    token = (await create(api))[0]["token"]
    for method, path, body in [
        ("POST", f"{BASE}/token/info", {"sks": [token, "sk-unknown"], "alias": "x"}),
        ("DELETE", f"{BASE}/token", {"sks": [token, "sk-unknown"]}),
    ]:
        answer = await api.call(method, path, body)
        expected = "1 of 2 sub-accounts are unknown; nothing was changed."
        assert answer == {"success": False, "message": expected}
    assert [item["alias"] for item in await listed(api)] == ["team"]


@pytest.mark.parametrize("sks", [None, [], "sk-x", [1], ["sk-x"] * 101])
async def test_sks_are_a_list_of_1_to_100(api, sks: object) -> None:
    assert (await api.refused("DELETE", f"{BASE}/token", {"sks": sks}))[1] == "sks"


async def test_the_sub_accounts_of_others_are_unknown(api) -> None:
    token = (await create(api))[0]["token"]
    _, ann = await api.someone("ann@example.com")
    assert (await api.call("GET", f"{BASE}/list", key=ann))["items"] == []
    assert (await api.call("DELETE", f"{BASE}/token", {"sks": [token]}, key=ann))["success"] is False


async def test_a_sub_account_chats_with_its_priced_models_only(api) -> None:
    token = (await create(api))[0]["token"]
    answer = await api.call("POST", "/v1/chat/completions", CHAT, key=token)
    usage = await api.call("GET", "/v1/billing/usage?days=1")
    (item,) = await listed(api)
    assert usage["requests"] == 1
    assert Decimal(item["monthly_cost"]) == round(Decimal(usage["cost_usd"]), 8)
    assert answer["usage"]["completion_tokens"] == usage["completion_tokens"]
    other = {**CHAT, "model": "nexevo/balanced"}
    refused = await api.refused("POST", "/v1/chat/completions", other, key=token, expect=403)
    assert refused == ("model_not_allowed", "model")
    await api.call("POST", "/v1/chat/completions", {**CHAT, "model": "nexevo/fast:cheap"}, key=token)


async def test_a_sub_account_without_balance_is_refused(api) -> None:
    token = (await create(api, balance=0))[0]["token"]
    refused = await api.refused("POST", "/v1/chat/completions", CHAT, key=token, expect=402)
    assert refused == ("insufficient_balance", None)


async def test_a_sub_account_key_is_refused_on_every_account_call(api) -> None:
    token = (await create(api))[0]["token"]
    for route in account_routes():
        if route.auth == "main":
            path = route.path.replace("{", "").replace("}", "")
            await api.call(route.method, path, {}, key=token, expect=403)


async def test_account_calls_need_a_key(api) -> None:
    for route in account_routes():
        path = route.path.replace("{", "").replace("}", "")
        if route.auth == "main":
            assert await api.refused(route.method, path, {}, key="", expect=401) == ("invalid_api_key", None)
        else:
            assert route.name in {"auth.register", "auth.login", "auth.forgot_password", "auth.reset_password"}
