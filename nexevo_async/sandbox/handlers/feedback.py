"""`feedback.*` over HTTP."""

from __future__ import annotations

from aiohttp import web

from nexevo_async.sandbox import feedback
from nexevo_async.sandbox.body import query_integer, read_body, require
from nexevo_async.sandbox.handlers._caller import caller
from nexevo_async.sandbox.routing import RouteSpec, json_answer


async def _submit(request: web.Request) -> web.Response:
    body = await read_body(request)
    rating = body.integer("rating", at_least=-1, at_most=1)
    require("rating", rating != 0, "must be 1 or -1")
    saved = feedback.submit(
        *caller(request),
        generation_id=body.text("generation_id", at_least=1),
        rating=rating,
        comment=body.optional_text("comment", at_most=feedback.COMMENT_LIMIT),
        tags=[] if body.fields.get("tags") is None else body.texts("tags", at_most=50, length=100),
    )
    return json_answer(saved, status=201)


async def _summary(request: web.Request) -> web.Response:
    days = query_integer(request, "days", default=30, at_least=1, at_most=366)
    return json_answer(feedback.summarise(*caller(request), days))


ROUTES = [
    RouteSpec("feedback.submit", "POST", "/v1/feedback", "main", _submit),
    RouteSpec("feedback.summary", "GET", "/v1/feedback/summary", "main", _summary),
]
