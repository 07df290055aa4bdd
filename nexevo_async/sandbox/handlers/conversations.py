"""`conversations.*` over HTTP."""

from __future__ import annotations

from aiohttp import web

from nexevo_async.sandbox import conversations
from nexevo_async.sandbox.body import query_integer, read_body, refuse
from nexevo_async.sandbox.handlers._caller import caller
from nexevo_async.sandbox.routing import RouteSpec, json_answer

_TITLE_LIMIT = 500


async def _create(request: web.Request) -> web.Response:
    store, user_id = caller(request)
    body = await read_body(request)
    title = body.optional_text("title", at_most=_TITLE_LIMIT)
    metadata = conversations.encode_metadata(body.fields.get("metadata"))
    return json_answer(conversations.create_conversation(store, user_id, title=title, metadata=metadata), status=201)


async def _list(request: web.Request) -> web.Response:
    limit = query_integer(request, "limit", default=50, at_least=1, at_most=1000)
    return json_answer({"conversations": conversations.list_conversations(*caller(request), limit)})


async def _get(request: web.Request) -> web.Response:
    return json_answer(conversations.get_conversation(*caller(request), request.match_info["conversation_id"]))


async def _update(request: web.Request) -> web.Response:
    body = await read_body(request)
    changes: dict[str, str | None] = {}
    if body.has("title"):
        changes["title"] = body.optional_text("title", at_most=_TITLE_LIMIT)
    if body.has("metadata"):
        changes["metadata"] = conversations.encode_metadata(body.fields["metadata"])
    if not changes:
        refuse("title", "or 'metadata' is required", code="missing_required_parameter")
    conversation_id = request.match_info["conversation_id"]
    return json_answer(conversations.update_conversation(*caller(request), conversation_id, changes))


async def _delete(request: web.Request) -> web.Response:
    conversation_id = request.match_info["conversation_id"]
    conversations.delete_conversation(*caller(request), conversation_id)
    return json_answer({"conversation_id": conversation_id, "deleted": True})


async def _append_message(request: web.Request) -> web.Response:
    body = await read_body(request)
    role, content = body.choice("role", conversations.ROLES), body.text("content")
    conversation_id = request.match_info["conversation_id"]
    message = conversations.append_message(*caller(request), conversation_id, role=role, content=content)
    return json_answer(message, status=201)


ROUTES = [
    RouteSpec("conversations.create", "POST", "/v1/conversations", "main", _create),
    RouteSpec("conversations.list", "GET", "/v1/conversations", "main", _list),
    RouteSpec("conversations.get", "GET", "/v1/conversations/{conversation_id}", "main", _get),
    RouteSpec("conversations.update", "PATCH", "/v1/conversations/{conversation_id}", "main", _update),
    RouteSpec("conversations.delete", "DELETE", "/v1/conversations/{conversation_id}", "main", _delete),
    RouteSpec(
        "conversations.append_message", "POST", "/v1/conversations/{conversation_id}/messages", "main", _append_message
    ),
]
