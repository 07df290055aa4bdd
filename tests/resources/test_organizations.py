"""``client.organizations``."""

from __future__ import annotations

from typing import Any

import pytest

from nexevo_async._codec import Undecodable
from nexevo_async.errors import ConfigurationError
from nexevo_async.resources.organizations import Organizations
from tests.resources.conftest import ScriptedTransport


async def test_create(transport: ScriptedTransport) -> None:
    """The documented sample: the name is positional, the id is read by both spellings."""
    transport.answer = {"organization": {"org_id": "org_1", "name": "Acme Inc"}}

    org = await Organizations(transport).create("Acme Inc")

    assert (transport.last.line, transport.last.body) == ("POST /v1/organizations", {"name": "Acme Inc"})
    assert org.organization.org_id == org["organization"]["org_id"] == "org_1"


async def test_create_with_a_keyword(transport: ScriptedTransport) -> None:
    """The same."""
    transport.answer = {"organization": {"org_id": "org_1"}}

    await Organizations(transport).create(name="Acme Inc")

    assert transport.last.body == {"name": "Acme Inc"}


async def test_an_answer_without_the_documented_id(transport: ScriptedTransport) -> None:
    """The path names the place."""
    transport.answer = {"organization": {"name": "Acme Inc"}}

    with pytest.raises(Undecodable, match=r"organization\.org_id: missing"):
        await Organizations(transport).create("Acme Inc")


async def test_invite_member(transport: ScriptedTransport) -> None:
    """Address and role in the body, the organization in the path."""
    transport.answer = {"user_id": "usr_2", "email": "a@b.c", "role": "admin", "status": "invited"}

    member = await Organizations(transport).invite_member("org_1", email="a@b.c", role="admin")

    assert transport.last.line == "POST /v1/organizations/org_1/members"
    assert transport.last.body == {"email": "a@b.c", "role": "admin"}
    assert (member.user_id, member.role) == ("usr_2", "admin")


@pytest.mark.parametrize("role", ["owner", "Admin", "", None])
async def test_a_role_that_an_invitation_cannot_give(transport: ScriptedTransport, role: Any) -> None:
    """There is one owner, changed only by `transfer_owner`."""
    with pytest.raises(ConfigurationError, match="role must be one of 'admin', 'developer'"):
        await Organizations(transport).invite_member("org_1", email="a@b.c", role=role)

    assert transport.sent == []


async def test_list_members(transport: ScriptedTransport) -> None:
    """A role that nobody knows yet stays readable."""
    transport.answer = {"members": [{"user_id": "usr_1", "role": "owner"}, {"user_id": "usr_2", "role": "auditor"}]}

    roles = [member.role async for member in Organizations(transport).list_members("org_1")]

    assert transport.last.line == "GET /v1/organizations/org_1/members"
    assert roles == ["owner", "auditor"]


async def test_remove_member(transport: ScriptedTransport) -> None:
    """Both ids stand in the path, encoded."""
    await Organizations(transport).remove_member("org/1", "usr?2")

    assert transport.last.line == "DELETE /v1/organizations/org%2F1/members/usr%3F2"


async def test_transfer_owner(transport: ScriptedTransport) -> None:
    """The new owner is in the body."""
    await Organizations(transport).transfer_owner("org_1", new_owner_user_id="usr_2")

    assert transport.last.line == "POST /v1/organizations/org_1/transfer-owner"
    assert transport.last.body == {"new_owner_user_id": "usr_2"}


async def test_every_call_wants_its_ids(transport: ScriptedTransport) -> None:
    """Refused by name."""
    organizations = Organizations(transport)
    with pytest.raises(ConfigurationError, match="name must not be empty"):
        await organizations.create(" ")
    with pytest.raises(ConfigurationError, match="email must not be empty"):
        await organizations.invite_member("org_1", email="", role="admin")
    with pytest.raises(ConfigurationError, match="org_id must not be empty"):
        organizations.list_members("")
    with pytest.raises(ConfigurationError, match="user_id must not be empty"):
        await organizations.remove_member("org_1", "")
    with pytest.raises(ConfigurationError, match="new_owner_user_id must not be empty"):
        await organizations.transfer_owner("org_1", "")

    assert transport.sent == []
