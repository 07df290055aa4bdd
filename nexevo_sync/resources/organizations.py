# Written by tools/generate_sync.py from nexevo_async/resources/organizations.py; change that, and run: make generate
"""``client.organizations``: accounts that belong together."""

from __future__ import annotations

from typing import Literal, Unpack

from nexevo_async.models.acknowledgement import Acknowledgement
from nexevo_async.models.organizations import CreatedOrganization, Member
from nexevo_async.resources._base import CallOptions
from nexevo_async.resources.organizations import Organizations as AsyncOrganizations
from nexevo_sync._shapes import Twin
from nexevo_sync.pagination import Pages


class Organizations(Twin[AsyncOrganizations]):
    """
    Organizations and their members: one owner, and admins and developers.

    Reached as ``client.organizations``. All routes are assumed.
    """

    def create(self, name: str, **options: Unpack[CallOptions]) -> CreatedOrganization:
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
        return self._portal.call(self._async.create, name, **options)

    def invite_member(
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
        return self._portal.call(self._async.invite_member, org_id, email=email, role=role, **options)

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
        return Pages.fetch(self._portal, self._async.list_members(org_id, **options))

    def remove_member(self, org_id: str, user_id: str, **options: Unpack[CallOptions]) -> Acknowledgement:
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
        return self._portal.call(self._async.remove_member, org_id, user_id, **options)

    def transfer_owner(self, org_id: str, new_owner_user_id: str, **options: Unpack[CallOptions]) -> Acknowledgement:
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
        return self._portal.call(self._async.transfer_owner, org_id, new_owner_user_id, **options)
