"""`sub_accounts.*` over HTTP: platform calls, which say `success` in a 200."""

from __future__ import annotations

from decimal import Decimal

from aiohttp import web

from nexevo_async.sandbox import sub_accounts
from nexevo_async.sandbox.body import Body, query_integer, read_body, refuse, require, to_decimal
from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.handlers._caller import caller
from nexevo_async.sandbox.money import to_nano
from nexevo_async.sandbox.routing import RouteSpec, json_answer

_BASE = "/api/v1/account/sub-account"
_OBSOLETE = ("prompt_price", "completion_price", "auto_following")
_ALIAS_LIMIT = 100
_MOST_AT_ONCE = 100
_LARGEST_FACTOR = 1000


async def _list(request: web.Request) -> web.Response:
    page_size = query_integer(request, "page_size", default=20, at_least=-1, at_most=1000)
    require("page_size", page_size != 0, "must be -1 (all) or at least 1")
    page = query_integer(request, "page", default=1, at_least=1, at_most=1_000_000)
    alias, token = request.query.get("alias"), request.query.get("sk")
    found = sub_accounts.list_sub_accounts(*caller(request), alias=alias, token=token, page=page, page_size=page_size)
    return json_answer(found)


async def _create(request: web.Request) -> web.Response:
    body = await read_body(request)
    items = sub_accounts.create_sub_accounts(
        *caller(request),
        alias=body.text("alias", at_least=1, at_most=_ALIAS_LIMIT),
        balance=to_nano(body.money("balance", zero=True)),
        pricing=_pricing(body),
        count=body.integer("count", at_least=1, at_most=_MOST_AT_ONCE) if body.has("count") else 1,
    )
    return json_answer({"items": items, "success": True})


async def _update(request: web.Request) -> web.Response:
    body = await read_body(request)
    alias = None if body.fields.get("alias") is None else body.text("alias", at_least=1, at_most=_ALIAS_LIMIT)
    has_prices = body.fields.get("model_pricing") is not None or any(name in body.fields for name in _OBSOLETE)
    require("model_pricing", has_prices or alias is not None, "or 'alias' is required")
    pricing = _pricing(body) if has_prices else None
    return _outcome(sub_accounts.update_sub_accounts(*caller(request), _tokens(body), alias=alias, pricing=pricing))


async def _delete(request: web.Request) -> web.Response:
    tokens = _tokens(await read_body(request))
    return _outcome(sub_accounts.delete_sub_accounts(*caller(request), tokens))


def _outcome(complaint: str | None) -> web.Response:
    return json_answer({"success": True} if complaint is None else {"success": False, "message": complaint})


def _tokens(body: Body) -> list[str]:
    return body.texts("sks", at_least=1, at_most=_MOST_AT_ONCE, length=200)


def _pricing(body: Body) -> dict[str, Decimal]:
    """`model_pricing` as a table; it must be given, because a model that is not listed may not be used."""
    _refuse_obsolete(body.fields)
    entries = body.value("model_pricing")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        refuse("model_pricing", "must be a list of objects with 'model' and 'pricing_factor'", code="invalid_type")
    pricing: dict[str, Decimal] = {}
    for entry in map(Body, entries):
        _refuse_obsolete(entry.fields)
        model = entry.text("model", at_least=1, at_most=200)
        factor = to_decimal("pricing_factor", entry.value("pricing_factor"))
        require("pricing_factor", 0 < factor <= _LARGEST_FACTOR, f"must be above 0 and at most {_LARGEST_FACTOR}")
        require("model_pricing", model not in pricing, "must name every model only once")
        pricing[model] = factor
    return pricing


def _refuse_obsolete(fields: dict[str, object]) -> None:
    for name in _OBSOLETE:
        if name in fields:
            message = f"'{name}' is obsolete; give each model a 'pricing_factor' in 'model_pricing' instead."
            raise ApiError(400, "obsolete_parameter", message, param=name)


ROUTES = [
    RouteSpec("sub_accounts.list", "GET", f"{_BASE}/list", "main", _list),
    RouteSpec("sub_accounts.create", "POST", f"{_BASE}/token", "main", _create),
    RouteSpec("sub_accounts.update", "POST", f"{_BASE}/token/info", "main", _update),
    RouteSpec("sub_accounts.delete", "DELETE", f"{_BASE}/token", "main", _delete),
]
