"""Organizations: one owner, admins who may invite and remove, developers who may look."""

from __future__ import annotations

import sqlite3
from typing import Any

from nexevo_async.sandbox.database import Database
from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.users import add_user, find_user

INVITABLE_ROLES = ("admin", "developer")


def create_organization(db: Database, user_id: str, name: str) -> dict[str, Any]:
    """Found an organization; whoever founds it owns it."""
    org_id, now = db.new_id("org"), db.timestamp()
    with db.transaction():
        db.insert("organizations", org_id=org_id, name=name, created_at=now)
        db.insert("members", org_id=org_id, user_id=user_id, role="owner", joined_at=now)
    return _describe(db, org_id)


def invite_member(db: Database, user_id: str, org_id: str, *, email: str, role: str) -> dict[str, Any]:
    """Add somebody by e-mail address; an unknown address becomes an invited user who can register later."""
    with db.transaction():
        _check_manager(db, org_id, user_id)
        known = find_user(db, email)
        invited = add_user(db, email=email) if known is None else str(known["user_id"])
        if _role(db, org_id, invited) is not None:
            raise ApiError(409, "already_member", "This person is a member already.", param="email")
        db.insert("members", org_id=org_id, user_id=invited, role=role, joined_at=db.timestamp())
        return _describe_member(_member(db, org_id, invited))


def list_members(db: Database, user_id: str, org_id: str) -> list[dict[str, Any]]:
    """Everybody in the organization, in the order in which they came; for members only."""
    _own_role(db, org_id, user_id)
    rows = db.all(f"{_MEMBERS} WHERE org_id = ? ORDER BY joined_at, members.rowid", org_id)
    return [_describe_member(row) for row in rows]


def remove_member(db: Database, user_id: str, org_id: str, removed: str) -> None:
    """Remove a member; nobody can remove the owner."""
    with db.transaction():
        own = _check_manager(db, org_id, user_id)
        role = _member(db, org_id, removed)["role"]
        if role == "owner" and own == "owner":
            raise ApiError(409, "owner_required", "An organization needs its owner; transfer the ownership first.")
        if role == "owner":
            raise ApiError(403, "permission_denied", "The owner cannot be removed.")
        db.run("DELETE FROM members WHERE org_id = ? AND user_id = ?", org_id, removed)


def transfer_owner(db: Database, user_id: str, org_id: str, new_owner: str) -> dict[str, Any]:
    """Hand the organization to another member; the owner becomes an admin."""
    with db.transaction():
        if _own_role(db, org_id, user_id) != "owner":
            raise ApiError(403, "permission_denied", "Only the owner can hand over an organization.")
        _member(db, org_id, new_owner)
        if new_owner == user_id:
            raise ApiError(409, "already_owner", "You own this organization already.", param="new_owner_user_id")
        db.run("UPDATE members SET role = 'admin' WHERE org_id = ? AND user_id = ?", org_id, user_id)
        db.run("UPDATE members SET role = 'owner' WHERE org_id = ? AND user_id = ?", org_id, new_owner)
        return _describe(db, org_id)


_MEMBERS = (
    "SELECT user_id, email, full_name, role, joined_at, password IS NULL AS invited"
    " FROM members JOIN users USING (user_id)"
)


def _role(db: Database, org_id: str, user_id: str) -> str | None:
    role: str | None = db.value("SELECT role FROM members WHERE org_id = ? AND user_id = ?", org_id, user_id)
    return role


def _own_role(db: Database, org_id: str, user_id: str) -> str:
    """The caller's role; to everybody else the organization does not exist."""
    role = _role(db, org_id, user_id)
    if role is None:
        raise ApiError(404, "organization_not_found", "You are in no such organization.")
    return role


def _check_manager(db: Database, org_id: str, user_id: str) -> str:
    role = _own_role(db, org_id, user_id)
    if role not in ("owner", "admin"):
        raise ApiError(403, "permission_denied", "Only the owner and admins can invite and remove members.")
    return role


def _member(db: Database, org_id: str, user_id: str) -> sqlite3.Row:
    row = db.one(f"{_MEMBERS} WHERE org_id = ? AND user_id = ?", org_id, user_id)
    if row is None:
        raise ApiError(404, "member_not_found", "The organization has no such member.")
    return row


def _describe(db: Database, org_id: str) -> dict[str, Any]:
    row = db.one(
        "SELECT org_id, name, created_at, user_id FROM organizations JOIN members USING (org_id)"
        " WHERE org_id = ? AND role = 'owner'",
        org_id,
    )
    assert row is not None  # noqa: S101 - every organization has one owner
    return {
        "org_id": row["org_id"],
        "name": row["name"],
        "owner_user_id": row["user_id"],
        "created_at": row["created_at"],
    }


def _describe_member(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "user_id": row["user_id"],
        "email": row["email"],
        "full_name": row["full_name"],
        "role": row["role"],
        "status": "invited" if row["invited"] else "active",
        "joined_at": row["joined_at"],
    }
