"""Users: registration, login, second factor, passwords, leaving."""

from __future__ import annotations

from decimal import Decimal

import pytest

from nexevo_async.sandbox.principal import authenticate
from nexevo_async.sandbox.spending import record_usage
from nexevo_async.sandbox.totp import totp

REGISTER, LOGIN, ME = "/v1/auth/register", "/v1/auth/login", "/v1/auth/me"
ANN = {"email": "ann@example.com", "password": "correct horse"}


async def test_registering_gives_a_profile_without_the_password(api) -> None:
    user = await api.call("POST", REGISTER, {**ANN, "full_name": "Ann"}, key="", expect=201)
    assert user.pop("user_id").startswith("usr_")
    assert user == {
        "email": "ann@example.com",
        "full_name": "Ann",
        "two_fa_enabled": False,
        "created_at": "2026-01-15T12:00:00.000000+00:00",
    }


async def test_an_address_is_taken_once_whatever_its_case(api) -> None:
    await api.call("POST", REGISTER, ANN, key="", expect=201)
    again = {**ANN, "email": "Ann@Example.com"}
    assert await api.refused("POST", REGISTER, again, key="", expect=409) == ("email_taken", "email")


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("email", {"password": "correct horse"}),
        ("email", {"email": "nobody", "password": "correct horse"}),
        ("email", {"email": "a b@example.com", "password": "correct horse"}),
        ("password", {"email": "ann@example.com"}),
        ("password", {"email": "ann@example.com", "password": "short"}),
        ("full_name", {**ANN, "full_name": 7}),
    ],
)
async def test_a_registration_names_the_field_at_fault(api, field: str, body: object) -> None:
    assert (await api.refused("POST", REGISTER, body, key=""))[1] == field


async def test_a_login_token_opens_account_calls_for_a_day(api) -> None:
    user_id, token = await api.someone("ann@example.com")
    assert (await api.call("GET", ME, key=token))["user_id"] == user_id
    assert (await api.call("GET", "/v1/keys", key=token)) == {"keys": []}
    api.clock.advance(days=1)
    assert await api.refused("GET", ME, key=token, expect=401) == ("invalid_api_key", None)


@pytest.mark.parametrize("body", [{**ANN, "password": "wrong"}, {**ANN, "email": "bob@example.com"}])
async def test_a_wrong_password_and_an_unknown_address_look_the_same(api, body: object) -> None:
    await api.someone("ann@example.com")
    error = (await api.call("POST", LOGIN, body, key="", expect=401))["error"]
    assert error == {
        "message": "The e-mail address or the password is wrong.",
        "type": "authentication_error",
        "code": "invalid_credentials",
    }


async def test_the_main_account_is_a_user_with_a_known_password(api) -> None:
    login = await api.call("POST", LOGIN, {"email": api.demo_email, "password": api.demo_password}, key="")
    assert (login["token_type"], login["expires_in"]) == ("bearer", 86400)
    assert login["user"] == await api.call("GET", ME)


async def test_the_name_can_be_changed(api) -> None:
    assert (await api.call("PATCH", ME, {"full_name": "Zoë"}))["full_name"] == "Zoë"
    assert (await api.call("GET", ME))["full_name"] == "Zoë"
    assert await api.refused("PATCH", ME, {"full_name": ""}) == ("invalid_value", "full_name")


async def test_a_new_password_ends_the_other_logins_and_keeps_this_one(api) -> None:
    _, token = await api.someone("ann@example.com")
    other = (await api.call("POST", LOGIN, ANN, key=""))["access_token"]
    change = {"current_password": "correct horse", "new_password": "battery staple"}
    await api.call("POST", "/v1/auth/change-password", change, key=token)
    await api.call("GET", ME, key=token)
    await api.call("GET", ME, key=other, expect=401)
    await api.call("POST", LOGIN, ANN, key="", expect=401)
    await api.call("POST", LOGIN, {**ANN, "password": "battery staple"}, key="")


async def test_a_password_change_needs_the_current_one(api) -> None:
    change = {"current_password": "guess", "new_password": "battery staple"}
    refused = await api.refused("POST", "/v1/auth/change-password", change, expect=403)
    assert refused == ("wrong_password", "current_password")


async def test_a_reset_token_works_once_and_ends_every_login(api) -> None:
    _, token = await api.someone("Ann@example.com")
    await api.call("POST", "/v1/auth/forgot-password", {"email": "ann@example.com"}, key="")
    reset = {"token": api.store.reset_tokens()["ann@example.com"], "new_password": "battery staple"}
    await api.call("POST", "/v1/auth/reset-password", reset, key="")
    await api.call("POST", LOGIN, {**ANN, "password": "battery staple"}, key="")
    await api.call("GET", ME, key=token, expect=401)
    again = await api.refused("POST", "/v1/auth/reset-password", reset, key="")
    assert again == ("invalid_reset_token", "token")
    assert api.store.reset_tokens() == {}


async def test_only_the_last_reset_token_works_and_only_for_an_hour(api) -> None:
    await api.someone("ann@example.com")
    tokens = []
    for _ in range(2):
        await api.call("POST", "/v1/auth/forgot-password", {"email": "ann@example.com"}, key="")
        tokens.append(api.store.reset_tokens()["ann@example.com"])
    first, last = ({"token": token, "new_password": "battery staple"} for token in tokens)
    await api.call("POST", "/v1/auth/reset-password", first, key="", expect=400)
    api.clock.advance(hours=1)
    await api.call("POST", "/v1/auth/reset-password", last, key="", expect=400)


async def test_forgetting_says_nothing_about_who_has_an_account(api) -> None:
    known = await api.call("POST", "/v1/auth/forgot-password", {"email": api.demo_email}, key="")
    unknown = await api.call("POST", "/v1/auth/forgot-password", {"email": "nobody@example.com"}, key="")
    assert known == unknown
    assert list(api.store.reset_tokens()) == [api.demo_email]


async def test_the_second_factor_from_setup_to_the_end(api) -> None:
    _, token = await api.someone("ann@example.com")

    async def two_fa(step: str, code: str | None = None, *, expect: int = 200) -> dict[str, object]:
        method = "GET" if step == "status" else "POST"
        body = None if code is None else {"code": code}
        answer: dict[str, object] = await api.call(method, f"/v1/auth/2fa/{step}", body, key=token, expect=expect)
        return answer

    assert await two_fa("status") == {"enabled": False, "pending": False}
    secret = str((await two_fa("setup"))["secret"])
    assert await two_fa("status") == {"enabled": False, "pending": True}
    await api.call("POST", LOGIN, ANN, key="")  # not confirmed yet, so not asked for
    await two_fa("enable", "000000" if totp(secret, api.clock()) != "000000" else "111111", expect=400)
    assert await two_fa("enable", totp(secret, api.clock())) == {"enabled": True, "pending": False}

    assert await api.refused("POST", LOGIN, ANN, key="", expect=401) == ("two_fa_required", "code")
    old = {**ANN, "code": totp(secret, api.clock())}
    await api.call("POST", LOGIN, old, key="")
    api.clock.advance(minutes=5)
    assert await api.refused("POST", LOGIN, old, key="", expect=401) == ("invalid_two_fa_code", "code")

    await two_fa("disable", str(old["code"]), expect=400)
    assert await two_fa("disable", totp(secret, api.clock())) == {"enabled": False, "pending": False}
    await api.call("POST", LOGIN, ANN, key="")


async def test_the_second_factor_refuses_steps_out_of_order(api) -> None:
    code = {"code": "123456"}
    assert await api.refused("POST", "/v1/auth/2fa/enable", code, expect=409) == ("two_fa_not_set_up", None)
    assert await api.refused("POST", "/v1/auth/2fa/disable", code, expect=409) == ("two_fa_not_enabled", None)
    secret = (await api.call("POST", "/v1/auth/2fa/setup"))["secret"]
    assert await api.refused("POST", "/v1/auth/2fa/enable", {}) == ("missing_required_parameter", "code")
    await api.call("POST", "/v1/auth/2fa/enable", {"code": totp(secret, api.clock())})
    assert await api.refused("POST", "/v1/auth/2fa/setup", expect=409) == ("two_fa_already_enabled", None)
    assert await api.refused("POST", "/v1/auth/2fa/enable", code, expect=409) == ("two_fa_already_enabled", None)


async def test_leaving_deletes_everything_of_the_user_and_kills_the_keys(api) -> None:
    _, token = await api.someone("ann@example.com")
    made = await api.call("POST", "/v1/keys", {"name": "mine"}, key=token, expect=201)
    key = made["full_key"]
    await api.call("POST", "/v1/billing/checkout", {"amount_usd": 9, "idempotency_key": "a"}, key=key)
    talk = await api.call("POST", "/v1/conversations", {"title": "Secrets"}, key=key, expect=201)
    message = {"role": "user", "content": "Hush!"}
    await api.call("POST", f"/v1/conversations/{talk['conversation_id']}/messages", message, key=key, expect=201)
    rating = {"generation_id": api.spend("0.01", key=key), "rating": 1}
    await api.call("POST", "/v1/feedback", rating, key=key, expect=201)
    await api.call("POST", "/v1/organizations", {"name": "Solo"}, key=key, expect=201)
    sub = {"alias": "team", "balance": 1, "model_pricing": []}
    await api.call("POST", "/api/v1/account/sub-account/token", sub, key=key)

    assert (await api.refused("POST", "/v1/auth/deactivate", {"password": "wrong"}, key=key, expect=403)) == (
        "wrong_password",
        "password",
    )
    await api.call("POST", "/v1/auth/deactivate", {"password": "correct horse"}, key=key)

    for dead in (key, token):
        await api.call("GET", ME, key=dead, expect=401)
    await api.call("POST", LOGIN, ANN, key="", expect=401)
    main_user = (await api.call("GET", ME))["user_id"]
    tables = ["users", "keys", "logins", "ledger", "checkouts", "conversations", "generations", "feedback", "members"]
    left = {table: api.store.value(f"SELECT count(*) FROM {table} WHERE user_id != ?", main_user) for table in tables}
    assert left == dict.fromkeys(tables, 0)
    for table in ("messages", "organizations", "sub_accounts", "spend"):
        assert api.store.value(f"SELECT count(*) FROM {table}") == 0, table


async def test_an_owner_with_members_must_hand_over_before_leaving(api) -> None:
    org = (await api.call("POST", "/v1/organizations", {"name": "Acme"}, expect=201))["organization"]["org_id"]
    invitation = {"email": "bob@example.com", "role": "admin"}
    bob = await api.call("POST", f"/v1/organizations/{org}/members", invitation, expect=201)
    leave = {"password": api.demo_password}
    assert await api.refused("POST", "/v1/auth/deactivate", leave, expect=409) == ("owns_organization", None)
    await api.call("POST", f"/v1/organizations/{org}/transfer-owner", {"new_owner_user_id": bob["user_id"]})
    await api.call("POST", "/v1/auth/deactivate", leave)
    assert api.store.value("SELECT count(*) FROM organizations") == 1


async def test_usage_that_ends_after_the_account_left_is_no_error(api) -> None:
    principal = authenticate(api.store, api.key)
    await api.call("POST", "/v1/auth/deactivate", {"password": api.demo_password})
    booked = record_usage(
        api.store,
        principal,
        generation_id="gen_late",
        model="sandbox/small",
        tier="fast",
        prompt_tokens=1,
        completion_tokens=1,
        cost=Decimal("0.5"),
        conversation_id=None,
    )
    assert booked == Decimal("0.5")
    assert api.store.value("SELECT count(*) FROM generations") == 0
