"""Organizations and members."""

from __future__ import annotations

from nexevo_async._codec import decode, encode
from nexevo_async.models import CreatedOrganization, Member


def test_an_organization_and_a_member() -> None:
    """Unknown roles stay readable."""
    created = decode(encode({"organization": {"org_id": "org_1", "owner_user_id": "usr_1"}}), CreatedOrganization)
    member = decode(encode({"user_id": "usr_2", "role": "auditor", "status": "invited"}), Member)

    assert created["organization"]["org_id"] == "org_1"
    assert (member.role, member.status) == ("auditor", "invited")
