"""``client.organizations``: accounts that belong together."""

from __future__ import annotations

from typing import Final, Literal, Unpack

from nexevo_async._validation import choice, identifier, not_blank
from nexevo_async.models.acknowledgement import Acknowledgement
from nexevo_async.models.organizations import CreatedOrganization, Member
from nexevo_async.pagination import Pages
from nexevo_async.resources._base import CallOptions, Resource

#: Roles that an invitation can give; the owner changes only by `transfer_owner`.
INVITED_ROLES: Final = ("admin", "developer")


class Organizations(Resource):
    """
    Organizations and their members: one owner, and admins and developers.

    Reached as ``client.organizations``. All routes are assumed.
    """

    __slots__ = ()

    async def create(self, name: str, **options: Unpack[CallOptions]) -> CreatedOrganization:
        """
        Make an organization. The account becomes its owner.

        Args:
            name: What to call it.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The name is empty.
            OutcomeUnknownError: It may have been made, and the answer was lost.

        .. versionadded:: 0.1.0
        """
        body = {"name": not_blank("name", name)}
        return await self._fetch("organizations.create", CreatedOrganization, options, json=body)

    async def invite_member(
        self, org_id: str, *, email: str, role: Literal["admin", "developer"], **options: Unpack[CallOptions]
    ) -> Member:
        """
        Invite somebody.

        Args:
            org_id: Which organization.
            email: The address of the new member.
            role: ``admin`` or ``developer``; an owner is made by `transfer_owner`.
            **options: Options of this call; see `CallOptions`.

        Raises:
            ConfigurationError: The address is empty, or an invitation cannot give that role.
            PermissionDeniedError: The account may not invite.
            OutcomeUnknownError: They may be invited, and the answer was lost; `list_members` shows whether they are.

        .. versionadded:: 0.1.0
        """
        body = {"email": not_blank("email", email), "role": choice("role", role, INVITED_ROLES)}
        return await self._fetch("organizations.invite_member", Member, options, ids=_id(org_id), json=body)

    def list_members(self, org_id: str, **options: Unpack[CallOptions]) -> Pages[Member]:
        """
        List the members, on one page.

        Args:
            org_id: Which organization.
            **options: Options of this call; see `CallOptions`.

        Raises:
            NotFoundError: There is no such organization.

        .. versionadded:: 0.1.0
        """
        return self._list("organizations.list_members", Member, options, ids=_id(org_id))

    async def remove_member(self, org_id: str, user_id: str, **options: Unpack[CallOptions]) -> Acknowledgement:
        """
        Remove a member. The owner cannot be removed.

        Args:
            org_id: Which organization.
            user_id: Which member.
            **options: Options of this call; see `CallOptions`.

        Raises:
            NotFoundError: There is no such organization or member.
            PermissionDeniedError: The account may not remove that member.

        .. versionadded:: 0.1.0
        """
        ids = _id(org_id) | {"user_id": identifier("user_id", user_id)}
        return await self._fetch("organizations.remove_member", Acknowledgement, options, ids=ids)

    async def transfer_owner(
        self, org_id: str, new_owner_user_id: str, **options: Unpack[CallOptions]
    ) -> Acknowledgement:
        """
        Hand the organization over to one of its members.

        Args:
            org_id: Which organization.
            new_owner_user_id: The member who shall own it.
            **options: Options of this call; see `CallOptions`.

        Raises:
            PermissionDeniedError: The account does not own it.
            OutcomeUnknownError: It may be handed over, and the answer was lost; `list_members` shows whether it is.

        .. versionadded:: 0.1.0
        """
        body = {"new_owner_user_id": identifier("new_owner_user_id", new_owner_user_id)}
        return await self._fetch("organizations.transfer_owner", Acknowledgement, options, ids=_id(org_id), json=body)


def _id(org_id: str) -> dict[str, str]:
    return {"org_id": identifier("org_id", org_id)}
