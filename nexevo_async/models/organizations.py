"""Organizations and their members."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from nexevo_async.models._common import Model, model

#: What a member may do. An owner is made only by handing over the organization.
OrganizationRole = Literal["owner", "admin", "developer"]


@model
class Organization(Model):
    """
    An organization.

    Attributes:
        org_id: Its id.
        name: What it is called.
        owner_user_id: The user who owns it.
        created_at: When it was made, with its offset.

    .. versionadded:: 0.1.0
    """

    org_id: str
    name: str | None = None
    owner_user_id: str | None = None
    created_at: datetime | None = None


@model
class CreatedOrganization(Model):
    """
    The answer to making an organization.

    Attributes:
        organization: The organization.

    .. versionadded:: 0.1.0
    """

    organization: Organization


@model
class Member(Model):
    """
    A member of an organization, or somebody invited.

    Attributes:
        user_id: The user's id.
        email: The user's address.
        full_name: The user's name.
        role: ``owner``, ``admin`` or ``developer``.
        status: Whether the invitation was accepted, in the service's words.

    .. versionadded:: 0.1.0
    """

    user_id: str | None = None
    email: str | None = None
    full_name: str | None = None
    role: OrganizationRole | str | None = None
    status: str | None = None
