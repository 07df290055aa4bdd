"""The route table: what is sent where, what may be sent twice, and what a user may replace."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexevo_async._messages import Safety
from nexevo_async._routes import ROUTES, Route, RouteTable
from nexevo_async.errors import ConfigurationError

#: contract.md sections 2 to 5, line by line.
CONTRACT = """
endpoints.links                 GET     /api/v1/links
endpoints.health                GET     /api/v1/healthy
chat.completions.create         POST    /v1/chat/completions
models.list                     GET     /v1/models
models.get                      GET     /v1/models/{id}
embeddings.create               POST    /v1/embeddings
conversations.create            POST    /v1/conversations
conversations.list              GET     /v1/conversations
conversations.get               GET     /v1/conversations/{id}
conversations.update            PATCH   /v1/conversations/{id}
conversations.delete            DELETE  /v1/conversations/{id}
conversations.append_message    POST    /v1/conversations/{id}/messages
auth.me                         GET     /v1/auth/me
auth.update_profile             PATCH   /v1/auth/me
auth.change_password            POST    /v1/auth/change-password
auth.two_fa_status              GET     /v1/auth/2fa/status
auth.two_fa_setup               POST    /v1/auth/2fa/setup
auth.two_fa_enable              POST    /v1/auth/2fa/enable
auth.two_fa_disable             POST    /v1/auth/2fa/disable
auth.register                   POST    /v1/auth/register
auth.login                      POST    /v1/auth/login
auth.forgot_password            POST    /v1/auth/forgot-password
auth.reset_password             POST    /v1/auth/reset-password
auth.deactivate                 POST    /v1/auth/deactivate
keys.create                     POST    /v1/keys
keys.list                       GET     /v1/keys
keys.revoke                     DELETE  /v1/keys/{key_id}
keys.update_spend_cap           PATCH   /v1/keys/{key_id}/spend-cap
keys.update_alert_webhook       PATCH   /v1/keys/{key_id}/alert-webhook
keys.update_geo_policy          PATCH   /v1/keys/{key_id}/geo-policy
billing.balance                 GET     /v1/billing/balance
billing.usage                   GET     /v1/billing/usage
billing.get_plan                GET     /v1/billing/plan
billing.upgrade_hint            GET     /v1/billing/upgrade-hint
billing.checkout                POST    /v1/billing/checkout
billing.credit_grants           GET     /dashboard/billing/credit_grants
billing.total_usage             GET     /dashboard/billing/usage
organizations.create            POST    /v1/organizations
organizations.invite_member     POST    /v1/organizations/{org_id}/members
organizations.list_members      GET     /v1/organizations/{org_id}/members
organizations.remove_member     DELETE  /v1/organizations/{org_id}/members/{user_id}
organizations.transfer_owner    POST    /v1/organizations/{org_id}/transfer-owner
feedback.submit                 POST    /v1/feedback
feedback.summary                GET     /v1/feedback/summary
sub_accounts.list               GET     /api/v1/account/sub-account/list
sub_accounts.create             POST    /api/v1/account/sub-account/token
sub_accounts.update             POST    /api/v1/account/sub-account/token/info
sub_accounts.delete             DELETE  /api/v1/account/sub-account/token
"""

#: contract.md section 6: everything that is neither a read, a PATCH nor a DELETE.
NOT_BY_METHOD = {
    "billing.checkout": Safety.KEYED,
    "chat.completions.create": Safety.BILLABLE,
    "embeddings.create": Safety.BILLABLE,
    "sub_accounts.update": Safety.IDEMPOTENT,
}


def test_every_line_of_the_contract_is_in_the_table_and_no_other() -> None:
    """Name, method and path are those of the contract."""
    expected = [tuple(line.split()) for line in CONTRACT.split("\n") if line]

    assert [(route.name, route.method, route.template) for route in ROUTES.values()] == expected


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES)
def test_what_may_be_sent_twice(route: Route) -> None:
    """Reads are safe, PATCH and DELETE idempotent, every other POST unsafe unless the contract says otherwise."""
    by_method = {"GET": Safety.SAFE, "PATCH": Safety.IDEMPOTENT, "DELETE": Safety.IDEMPOTENT, "POST": Safety.UNSAFE}

    assert route.safety is NOT_BY_METHOD.get(route.name, by_method[route.method])


def test_calls_without_the_key() -> None:
    """The health check and the calls of people who have no key yet go without it."""
    assert {route.name for route in ROUTES.values() if not route.auth} == {
        "endpoints.health",
        "auth.register",
        "auth.login",
        "auth.forgot_password",
        "auth.reset_password",
    }


def test_what_to_look_at_is_a_call_that_exists() -> None:
    """The advice after an unknown outcome names a route, and only unsafe calls need one."""
    advised = {route.name: route.look_at for route in ROUTES.values() if route.look_at is not None}

    assert set(advised.values()) <= set(ROUTES)
    assert {ROUTES[name].safety for name in advised} == {Safety.UNSAFE}


def test_a_path_without_ids_is_the_template() -> None:
    """Nothing is filled in where there is nothing to fill in."""
    assert RouteTable().path("keys.list") == "/v1/keys"


def test_ids_are_filled_in() -> None:
    """Each id stands where the template says."""
    ids = {"org_id": "org_1", "user_id": "usr_2"}

    assert RouteTable().path("organizations.remove_member", ids) == "/v1/organizations/org_1/members/usr_2"


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("a/b", "a%2Fb"),
        ("../admin", "..%2Fadmin"),
        ("a?b#c", "a%3Fb%23c"),
        ("%2e%2e", "%252e%252e"),
        ("Zoë 1", "Zo%C3%AB%201"),
        ("{id}", "%7Bid%7D"),
        ("a\r\nb", "a%0D%0Ab"),
        ("...", "..."),
    ],
)
def test_ids_are_percent_encoded_whole(value: str, encoded: str) -> None:
    """No character of an id can leave its segment."""
    assert RouteTable().path("conversations.get", {"id": value}) == f"/v1/conversations/{encoded}"


@pytest.mark.parametrize("value", ["", " ", ".", "..", None, 7, "\ud800"])
def test_ids_that_cannot_stand_in_a_path(value: object) -> None:
    """Empty ids, dot segments and what is no text are refused by name."""
    with pytest.raises(ConfigurationError, match="key_id must"):
        RouteTable().path("keys.revoke", {"key_id": value})  # type: ignore[dict-item]  # what a user might pass


@given(st.text(min_size=1).filter(lambda text: text.strip() and text not in (".", "..")))
def test_no_id_ever_leaves_its_segment(value: str) -> None:
    """Whatever the id, the path has the same number of segments and only harmless characters."""
    try:
        path = RouteTable().path("keys.revoke", {"key_id": value})
    except ConfigurationError as error:
        assert "surrogate" in str(error)  # noqa: PT017 - the only other outcome
        return

    assert re.fullmatch(r"/v1/keys/[A-Za-z0-9._~%-]+", path)


def test_an_override_replaces_one_line() -> None:
    """Method and path change; name and safety stay, because the call is the same call."""
    routes = RouteTable({"keys.create": "PUT /v1/api-keys", "models.get": "GET /v2/model/{id}/card/"})

    assert (routes["keys.create"].method, routes.path("keys.create")) == ("PUT", "/v1/api-keys")
    assert routes["keys.create"].safety is Safety.UNSAFE
    assert routes.path("models.get", {"id": "a/b"}) == "/v2/model/a%2Fb/card/"
    assert RouteTable().path("keys.create") == "/v1/keys"
    assert len(routes) == len(list(routes)) == len(ROUTES)


def test_an_unknown_name_is_refused_and_the_names_are_told() -> None:
    """Whoever mistypes a name sees the right one."""
    with pytest.raises(ConfigurationError, match=r"no route 'key\.create'.* keys\.create"):
        RouteTable({"key.create": "POST /v1/keys"})


@pytest.mark.parametrize(
    "line",
    [
        "/v1/keys",
        "POST v1/keys",
        "post /v1/keys",
        "TRACE /v1/keys",
        "POST  /v1/keys",
        "POST /v1/keys ",
        "POST https://elsewhere.example/v1/keys",
        "POST //elsewhere.example/keys",
        "POST /v1//keys",
        "POST /v1/../keys",
        "POST /v1/./keys",
        "POST /v1/keys?x=1",
        "POST /v1/keys#x",
        "POST /v1/ke ys",
        "POST /v1/keys\n",
        "POST /v1/%2e%2e/keys",
        "POST /v1/keys/{",
        "POST /v1/keys/{x!r}",
        "POST /v1/keys/{}",
        "POST /",
        "",
        None,
        7,
    ],
)
def test_an_override_of_another_form_is_refused(line: object) -> None:
    """The message shows what the form is."""
    with pytest.raises(ValueError, match=r"route_overrides\['keys\.create'\] must be .*'POST /v1/keys'"):
        RouteTable({"keys.create": line})  # type: ignore[dict-item]  # what a user might pass


@pytest.mark.parametrize(
    ("name", "line", "rule"),
    [
        ("keys.create", "POST /v1/keys/{key_id}", "must hold no placeholder"),
        ("keys.revoke", "DELETE /v1/keys", r"must hold \{key_id\} and no other"),
        ("keys.revoke", "DELETE /v1/keys/{id}", r"must hold \{key_id\} and no other"),
        ("organizations.remove_member", "DELETE /v1/m/{user_id}", r"must hold \{org_id\} and \{user_id\}"),
    ],
)
def test_an_override_with_other_placeholders_is_refused(name: str, line: str, rule: str) -> None:
    """The ids of a call cannot be invented or dropped."""
    with pytest.raises(ConfigurationError, match=rule):
        RouteTable({name: line})
