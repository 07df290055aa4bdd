"""`billing.*` and the two account totals under `/dashboard/billing` over HTTP."""

from __future__ import annotations

from datetime import date

from aiohttp import web

from nexevo_async.sandbox import billing
from nexevo_async.sandbox.body import query_integer, read_body, refuse, require
from nexevo_async.sandbox.handlers._caller import caller
from nexevo_async.sandbox.routing import RouteSpec, json_answer

_KEY_LIMIT = 255


async def _balance(request: web.Request) -> web.Response:
    return json_answer(billing.get_balance(*caller(request)))


async def _usage(request: web.Request) -> web.Response:
    days = query_integer(request, "days", default=30, at_least=1, at_most=366)
    return json_answer(billing.get_usage(*caller(request), days))


async def _get_plan(request: web.Request) -> web.Response:
    return json_answer(billing.get_plan(*caller(request)))


async def _upgrade_hint(request: web.Request) -> web.Response:
    return json_answer(billing.upgrade_hint(*caller(request)))


async def _checkout(request: web.Request) -> web.Response:
    body = await read_body(request)
    amount = body.money("amount_usd")
    idempotency_key = body.text("idempotency_key", at_least=1, at_most=_KEY_LIMIT)
    return json_answer(billing.checkout(*caller(request), amount=amount, idempotency_key=idempotency_key))


async def _credit_grants(request: web.Request) -> web.Response:
    return json_answer(billing.credit_grants(*caller(request)))


async def _total_usage(request: web.Request) -> web.Response:
    store, user_id = caller(request)
    today = store.now().date()
    first = _day(request, "start_date", today.replace(day=1))
    last = _day(request, "end_date", max(today, first))
    require("start_date", first <= last, "must not be after 'end_date'")
    return json_answer(billing.total_usage(store, user_id, first, last))


def _day(request: web.Request, name: str, default: date) -> date:
    text = request.query.get(name)
    if text is None:
        return default
    try:
        return date.fromisoformat(text)
    except ValueError:
        refuse(name, "must be a date such as 2026-01-31")


ROUTES = [
    RouteSpec("billing.balance", "GET", "/v1/billing/balance", "main", _balance),
    RouteSpec("billing.usage", "GET", "/v1/billing/usage", "main", _usage),
    RouteSpec("billing.get_plan", "GET", "/v1/billing/plan", "main", _get_plan),
    RouteSpec("billing.upgrade_hint", "GET", "/v1/billing/upgrade-hint", "main", _upgrade_hint),
    RouteSpec("billing.checkout", "POST", "/v1/billing/checkout", "main", _checkout),
    RouteSpec("billing.credit_grants", "GET", "/dashboard/billing/credit_grants", "main", _credit_grants),
    RouteSpec("billing.total_usage", "GET", "/dashboard/billing/usage", "main", _total_usage),
]
