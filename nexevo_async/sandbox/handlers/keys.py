"""`keys.*` over HTTP."""

from __future__ import annotations

from aiohttp import web

from nexevo_async.sandbox import keys
from nexevo_async.sandbox.body import read_body, refuse, require
from nexevo_async.sandbox.handlers._caller import caller
from nexevo_async.sandbox.money import to_nano
from nexevo_async.sandbox.routing import RouteSpec, json_answer

_NAME_LIMIT = 100
_URL_LIMIT = 2048


async def _create(request: web.Request) -> web.Response:
    name = (await read_body(request)).text("name", at_least=1, at_most=_NAME_LIMIT)
    full_key, key = keys.create_key(*caller(request), name)
    return json_answer({"full_key": full_key, "key": key}, status=201)


async def _list(request: web.Request) -> web.Response:
    return json_answer({"keys": keys.list_keys(*caller(request))})


async def _revoke(request: web.Request) -> web.Response:
    key_id = request.match_info["key_id"]
    keys.revoke_key(*caller(request), key_id)
    return json_answer({"key_id": key_id, "revoked": True})


async def _update_spend_cap(request: web.Request) -> web.Response:
    body = await read_body(request)
    given, clear = body.fields.get("monthly_spend_cap_usd") is not None, body.fields.get("clear", False)
    require("clear", isinstance(clear, bool), "must be true or false")
    if given == clear:
        refuse("monthly_spend_cap_usd", "or 'clear': true must be given, and not both")
    cap = to_nano(body.money("monthly_spend_cap_usd")) if given else None
    return json_answer(keys.set_spend_cap(*caller(request), request.match_info["key_id"], cap))


async def _update_alert_webhook(request: web.Request) -> web.Response:
    body = await read_body(request)
    require("url", body.has("url"), "is required; null clears the webhook")
    url = body.optional_text("url", at_most=_URL_LIMIT)
    return json_answer(keys.set_alert_webhook(*caller(request), request.match_info["key_id"], url))


async def _update_geo_policy(request: web.Request) -> web.Response:
    policy = (await read_body(request)).choice("geo_policy", keys.GEO_POLICIES)
    return json_answer(keys.set_geo_policy(*caller(request), request.match_info["key_id"], policy))


ROUTES = [
    RouteSpec("keys.create", "POST", "/v1/keys", "main", _create),
    RouteSpec("keys.list", "GET", "/v1/keys", "main", _list),
    RouteSpec("keys.revoke", "DELETE", "/v1/keys/{key_id}", "main", _revoke),
    RouteSpec("keys.update_spend_cap", "PATCH", "/v1/keys/{key_id}/spend-cap", "main", _update_spend_cap),
    RouteSpec("keys.update_alert_webhook", "PATCH", "/v1/keys/{key_id}/alert-webhook", "main", _update_alert_webhook),
    RouteSpec("keys.update_geo_policy", "PATCH", "/v1/keys/{key_id}/geo-policy", "main", _update_geo_policy),
]
