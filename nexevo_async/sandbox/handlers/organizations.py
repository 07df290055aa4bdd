"""`organizations.*` over HTTP."""

from __future__ import annotations

from aiohttp import web

from nexevo_async.sandbox import organizations
from nexevo_async.sandbox.body import read_body
from nexevo_async.sandbox.handlers._caller import caller
from nexevo_async.sandbox.handlers.auth import read_email
from nexevo_async.sandbox.routing import RouteSpec, json_answer

_NAME_LIMIT = 100


async def _create(request: web.Request) -> web.Response:
    name = (await read_body(request)).text("name", at_least=1, at_most=_NAME_LIMIT)
    return json_answer({"organization": organizations.create_organization(*caller(request), name)}, status=201)


async def _invite_member(request: web.Request) -> web.Response:
    body = await read_body(request)
    email, role = read_email(body), body.choice("role", organizations.INVITABLE_ROLES)
    org_id = request.match_info["org_id"]
    return json_answer(organizations.invite_member(*caller(request), org_id, email=email, role=role), status=201)


async def _list_members(request: web.Request) -> web.Response:
    return json_answer({"members": organizations.list_members(*caller(request), request.match_info["org_id"])})


async def _remove_member(request: web.Request) -> web.Response:
    org_id, removed = request.match_info["org_id"], request.match_info["user_id"]
    organizations.remove_member(*caller(request), org_id, removed)
    return json_answer({"user_id": removed, "removed": True})


async def _transfer_owner(request: web.Request) -> web.Response:
    new_owner = (await read_body(request)).text("new_owner_user_id", at_least=1)
    org_id = request.match_info["org_id"]
    return json_answer({"organization": organizations.transfer_owner(*caller(request), org_id, new_owner)})


ROUTES = [
    RouteSpec("organizations.create", "POST", "/v1/organizations", "main", _create),
    RouteSpec("organizations.invite_member", "POST", "/v1/organizations/{org_id}/members", "main", _invite_member),
    RouteSpec("organizations.list_members", "GET", "/v1/organizations/{org_id}/members", "main", _list_members),
    RouteSpec(
        "organizations.remove_member", "DELETE", "/v1/organizations/{org_id}/members/{user_id}", "main", _remove_member
    ),
    RouteSpec(
        "organizations.transfer_owner", "POST", "/v1/organizations/{org_id}/transfer-owner", "main", _transfer_owner
    ),
]
