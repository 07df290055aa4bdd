"""The frame around every request of one base: journal, fault, key, rate limit, answer, in this order."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterable

import attrs
import orjson
from aiohttp import web
from aiohttp.typedefs import Middleware

from nexevo_async.sandbox.errors import ApiError
from nexevo_async.sandbox.faults import FaultBoard
from nexevo_async.sandbox.journal import BaseIndex, Journal, JournalEntry, body_digest, idempotency_key
from nexevo_async.sandbox.limits import RateLimiter
from nexevo_async.sandbox.principal import Principal, authenticate
from nexevo_async.sandbox.routing import PRINCIPAL, SETTINGS, STORE, Handler, RouteSpec, Settings, json_answer
from nexevo_async.sandbox.sabotage import instead, spoil
from nexevo_async.sandbox.spending import check_cap
from nexevo_async.sandbox.sse import SseAnswer
from nexevo_async.sandbox.store import Store

_logger = logging.getLogger("nexevo.sandbox")

#: Largest request body in bytes; a batch of 2,048 long texts to embed fits.
_MOST_BYTES = 64 * 2**20

_ENTRY: web.RequestKey[JournalEntry] = web.RequestKey("nexevo.sandbox.entry")


@attrs.frozen(kw_only=True)
class Shared:
    """
    What all bases of a box have in common.

    Attributes:
        store: Accounts, keys, money, conversations.
        journal: What arrived.
        faults: What goes wrong on purpose.
        limiter: Requests a minute per key; None for no limit.
        settings: How answers are made.
    """

    store: Store
    journal: Journal
    faults: FaultBoard
    limiter: RateLimiter | None
    settings: Settings


class Gateway:
    """
    One base, or the discovery host, as an aiohttp application.

    Args:
        base: Its number, or ``"discovery"``.
        shared: What it has in common with the others.
        routes: The calls it answers.
    """

    def __init__(self, base: BaseIndex, shared: Shared, routes: Iterable[RouteSpec]) -> None:
        self.base: BaseIndex = base
        self.in_flight = 0
        self._shared = shared
        self._specs: dict[web.AbstractRoute, RouteSpec] = {}
        self.app = web.Application(middlewares=[self._middleware()], client_max_size=_MOST_BYTES)
        self.app[STORE] = shared.store
        self.app[SETTINGS] = shared.settings
        self.app.on_response_prepare.append(self._head_leaves)
        for spec in routes:
            self._specs[self.app.router.add_route(spec.method, spec.path, spec.handler)] = spec

    def _middleware(self) -> Middleware:
        @web.middleware  # marks a function, and cannot mark a method
        async def frame(request: web.Request, handler: Handler) -> web.StreamResponse:
            self.in_flight += 1
            try:
                return await self._handle(request, handler)
            except ConnectionResetError:
                if request.transport is not None and not request.transport.is_closing():
                    raise
                return web.Response()  # the client has left; aiohttp would print a traceback for that
            finally:
                self.in_flight -= 1

        return frame

    async def _handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        spec = self._specs.get(request.match_info.route)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _rendered(ApiError(413, "request_too_large", f"The body is larger than {_MOST_BYTES} bytes."))
        caller = self._identify(request)
        entry = self._write_down(request, spec, caller, body)
        fault = self._shared.faults.hit(
            self.base, entry.route, streaming=lambda: _wants_stream(body), now=time.monotonic()
        )
        if fault is not None:
            entry.fault = fault.kind
            if fault.stage != "answer":
                return await instead(fault, request)
        answer = await self._answer(request, spec, handler, caller)
        if fault is not None:
            answer = await spoil(fault, request, answer)
        if isinstance(answer, SseAnswer) and not answer.prepared:
            await answer.stream(request)
        return answer

    def _identify(self, request: web.Request) -> Principal | ApiError:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            message = "No API key came along. Send it as `Authorization: Bearer <key>`."
            return ApiError(401, "invalid_api_key", message)
        try:
            return authenticate(self._shared.store, token.strip())
        except ApiError as error:
            return error

    def _write_down(
        self, request: web.Request, spec: RouteSpec | None, caller: Principal | ApiError, body: bytes
    ) -> JournalEntry:
        entry = JournalEntry(
            base=self.base,
            method=request.method,
            path=request.path,
            route=spec.name if spec else None,
            key_id=caller.key_id if isinstance(caller, Principal) else None,
            authorized="Authorization" in request.headers,
            idempotency_key=idempotency_key(request.headers, body),
            body_digest=body_digest(body),
            time=self._shared.store.now(),
        )
        request[_ENTRY] = entry
        self._shared.journal.add(entry)
        return entry

    async def _answer(
        self, request: web.Request, spec: RouteSpec | None, handler: Handler, caller: Principal | ApiError
    ) -> web.StreamResponse:
        limits: dict[str, str] = {}
        try:
            if spec is not None and spec.auth != "none":
                request[PRINCIPAL] = self._admitted(spec, caller)
                limits = self._limits(request[PRINCIPAL])
            answer = await handler(request)
        except ApiError as error:
            answer = _rendered(error)
        except web.HTTPException as error:  # aiohttp's own: no such path, or no such method on it
            answer = _rendered(_no_such_call(request, error.status))
        except Exception:
            _logger.exception("%s %s failed", request.method, spec.name if spec else "unknown route")
            answer = _rendered(ApiError(500, "internal_error", "The sandbox failed; its log says why."))
        answer.headers.update(limits)
        return answer

    def _admitted(self, spec: RouteSpec, caller: Principal | ApiError) -> Principal:
        if isinstance(caller, ApiError):
            raise caller
        if spec.auth == "main" and caller.kind == "sub":
            message = "This call is for the main account's keys; a sub-account's key may not make it."
            raise ApiError(403, "permission_denied", message)
        check_cap(self._shared.store, caller)
        return caller

    def _limits(self, caller: Principal) -> dict[str, str]:
        if self._shared.limiter is None:
            return {}
        # Discovery has a window of its own: asking for the bases must not cost a chat.
        window = caller.key_id if self.base != "discovery" else f"discovery {caller.key_id}"
        verdict = self._shared.limiter.take(window, time.monotonic())
        if not verdict.allowed:
            message = f"Too many requests: this key may go on in {verdict.reset} s."
            raise ApiError(429, "rate_limit_exceeded", message, headers=verdict.headers())
        return verdict.headers()

    async def _head_leaves(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Every head gets a trace id, and the journal its status; a connection that a fault has closed gets neither."""
        if request.transport is None or request.transport.is_closing():
            return
        entry = request.get(_ENTRY)
        if entry is not None:
            entry.status = answer.status
        if entry is None or entry.fault != "html":  # a page comes from somewhere else, so it knows no trace ids
            answer.headers["X-Trace-ID"] = f"trace-{secrets.token_hex(8)}"


def _rendered(error: ApiError) -> web.Response:
    return json_answer(error.body(), status=error.status, headers=error.headers)


def _no_such_call(request: web.Request, status: int) -> ApiError:
    if status == 405:
        return ApiError(405, "method_not_allowed", f"{request.path} does not take {request.method}.")
    return ApiError(404, "not_found", f"{request.method} {request.path} is no call of this gateway.")


def _wants_stream(body: bytes) -> bool:
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(data, dict) and data.get("stream") is True
