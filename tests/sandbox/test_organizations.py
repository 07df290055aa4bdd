"""Organizations: who may do what, row by row."""

from __future__ import annotations

from typing import Any

import pytest

ORGS = "/v1/organizations"


async def found(api) -> str:
    answer = await api.call("POST", ORGS, {"name": "Acme Inc"}, expect=201)
    return str(answer["organization"]["org_id"])


async def join(api, org_id: str, name: str, role: str) -> tuple[str, str]:
    """Somebody who registered and was invited: id and login token."""
    user_id, token = await api.someone(f"{name}@example.com")
    invitation = {"email": f"{name}@example.com", "role": role}
    await api.call("POST", f"{ORGS}/{org_id}/members", invitation, expect=201)
    return user_id, token


async def roles(api, org_id: str) -> dict[str, str]:
    members = (await api.call("GET", f"{ORGS}/{org_id}/members"))["members"]
    return {member["email"].partition("@")[0]: member["role"] for member in members}


async def test_the_founder_is_the_owner(api) -> None:
    me = await api.call("GET", "/v1/auth/me")
    organization = (await api.call("POST", ORGS, {"name": "Acme Inc"}, expect=201))["organization"]
    assert organization.pop("org_id").startswith("org_")
    assert organization == {
        "name": "Acme Inc",
        "owner_user_id": me["user_id"],
        "created_at": "2026-01-15T12:00:00.000000+00:00",
    }


@pytest.mark.parametrize("name", ["", "x" * 101, None])
async def test_a_name_has_1_to_100_characters(api, name: object) -> None:
    assert (await api.refused("POST", ORGS, {"name": name}))[1] == "name"


async def test_an_unknown_address_is_invited_and_becomes_active_by_registering(api) -> None:
    org_id = await found(api)
    invitation = {"email": "new@example.com", "role": "developer"}
    invited = await api.call("POST", f"{ORGS}/{org_id}/members", invitation, expect=201)
    assert (invited["email"], invited["role"], invited["status"]) == ("new@example.com", "developer", "invited")
    await api.call(
        "POST", "/v1/auth/login", {"email": "new@example.com", "password": "correct horse"}, key="", expect=401
    )
    user_id, token = await api.someone("new@example.com")
    assert user_id == invited["user_id"]
    members = (await api.call("GET", f"{ORGS}/{org_id}/members", key=token))["members"]
    assert [(member["email"], member["status"]) for member in members] == [
        ("demo@nexevo.local", "active"),
        ("new@example.com", "active"),
    ]


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("email", {"role": "admin"}),
        ("email", {"email": "nobody", "role": "admin"}),
        ("role", {"email": "new@example.com"}),
        ("role", {"email": "new@example.com", "role": "owner"}),
        ("role", {"email": "new@example.com", "role": "boss"}),
    ],
)
async def test_an_invitation_names_the_field_at_fault(api, field: str, body: object) -> None:
    assert (await api.refused("POST", f"{ORGS}/{await found(api)}/members", body))[1] == field


async def test_nobody_is_invited_twice(api) -> None:
    org_id = await found(api)
    await join(api, org_id, "ann", "developer")
    again = {"email": "ANN@example.com", "role": "admin"}
    assert (await api.refused("POST", f"{ORGS}/{org_id}/members", again, expect=409))[0] == "already_member"
    assert await roles(api, org_id) == {"demo": "owner", "ann": "developer"}


async def test_admins_invite_and_remove_and_developers_only_look(api) -> None:
    org_id = await found(api)
    admin_id, admin = await join(api, org_id, "ann", "admin")
    developer_id, developer = await join(api, org_id, "dev", "developer")
    members = f"{ORGS}/{org_id}/members"
    invitation = {"email": "new@example.com", "role": "developer"}

    assert len((await api.call("GET", members, key=developer))["members"]) == 3
    refusals: list[tuple[str, str, Any]] = [("POST", members, invitation), ("DELETE", f"{members}/{admin_id}", None)]
    for method, path, body in refusals:
        refused = await api.refused(method, path, body, key=developer, expect=403)
        assert refused == ("permission_denied", None)

    await api.call("POST", members, invitation, key=admin, expect=201)
    await api.call("DELETE", f"{members}/{developer_id}", key=admin)
    assert await roles(api, org_id) == {"demo": "owner", "ann": "admin", "new": "developer"}
    await api.call("GET", members, key=developer, expect=404)


async def test_nobody_removes_the_owner(api) -> None:
    org_id = await found(api)
    owner = (await api.call("GET", "/v1/auth/me"))["user_id"]
    _, admin = await join(api, org_id, "ann", "admin")
    path = f"{ORGS}/{org_id}/members/{owner}"
    assert await api.refused("DELETE", path, key=admin, expect=403) == ("permission_denied", None)
    assert await api.refused("DELETE", path, expect=409) == ("owner_required", None)


async def test_to_strangers_an_organization_does_not_exist(api) -> None:
    org_id = await found(api)
    stranger_id, stranger = await api.someone("eve@example.com")
    calls: list[tuple[str, str, Any]] = [
        ("GET", "members", None),
        ("POST", "members", {"email": "eve@example.com", "role": "admin"}),
        ("DELETE", f"members/{stranger_id}", None),
        ("POST", "transfer-owner", {"new_owner_user_id": stranger_id}),
    ]
    for method, path, body in calls:
        refused = await api.refused(method, f"{ORGS}/{org_id}/{path}", body, key=stranger, expect=404)
        assert refused == ("organization_not_found", None)


async def test_removing_somebody_who_is_no_member_is_a_404(api) -> None:
    org_id = await found(api)
    assert await api.refused("DELETE", f"{ORGS}/{org_id}/members/usr_nobody", expect=404) == ("member_not_found", None)


async def test_the_owner_hands_over_and_becomes_an_admin(api) -> None:
    org_id = await found(api)
    ann_id, ann = await join(api, org_id, "ann", "developer")
    path = f"{ORGS}/{org_id}/transfer-owner"
    answer = await api.call("POST", path, {"new_owner_user_id": ann_id})
    assert answer["organization"]["owner_user_id"] == ann_id
    assert await roles(api, org_id) == {"demo": "admin", "ann": "owner"}
    back = {"new_owner_user_id": (await api.call("GET", "/v1/auth/me"))["user_id"]}
    assert await api.refused("POST", path, back, expect=403) == ("permission_denied", None)
    await api.call("POST", path, back, key=ann)
    assert await roles(api, org_id) == {"demo": "owner", "ann": "admin"}


async def test_the_new_owner_must_be_another_member(api) -> None:
    org_id = await found(api)
    path = f"{ORGS}/{org_id}/transfer-owner"
    me = {"new_owner_user_id": (await api.call("GET", "/v1/auth/me"))["user_id"]}
    assert (await api.refused("POST", path, me, expect=409))[0] == "already_owner"
    stranger_id, _ = await api.someone("eve@example.com")
    stranger = {"new_owner_user_id": stranger_id}
    assert (await api.refused("POST", path, stranger, expect=404))[0] == "member_not_found"
    assert (await api.refused("POST", path, {}))[1] == "new_owner_user_id"
