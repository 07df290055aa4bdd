"""
Drives calls: builds the request, does what `Call` decides, reads the answer, tells hooks and log.

No decision is made here. The sender is not imported but handed in: anything with its methods will do, so that tests
need no network.
"""

from __future__ import annotations

import asyncio
import logging
import time
import typing
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from nexevo_async import _validation
from nexevo_async._answers import RawResponse, read_answer, read_page_answer
from nexevo_async._core import Core, Settings
from nexevo_async._limits import Limits
from nexevo_async._logging import logger
from nexevo_async._messages import Attempt, AttemptFailed, FailureKind, Request, Response, Safety
from nexevo_async._race import Race
from nexevo_async._redaction import redact_text
from nexevo_async._requests import build_request
from nexevo_async._sansio.actions import Fail, Send, Wait
from nexevo_async._sansio.call import Call
from nexevo_async._sansio.endpoint_pool import Pick
from nexevo_async._sansio.policy import RetryPolicy
from nexevo_async.config import Timeout
from nexevo_async.errors import APIResponseValidationError, ClientClosedError, ConfigurationError
from nexevo_async.hooks import AttemptStart

if TYPE_CHECKING:
    from nexevo_async._http import OpenAnswer
    from nexevo_async.pagination import Page

T = TypeVar("T")

# Asked about in every call, and found faster under a name of this module than as a member of an enum.
_SAFE, _IDEMPOTENT, _BILLABLE = Safety.SAFE, Safety.IDEMPOTENT, Safety.BILLABLE


class Transport:
    """One view of a client: its settings on the shared core."""

    __slots__ = ("core", "settings")

    def __init__(self, core: Core, settings: Settings) -> None:
        self.core = core
        self.settings = settings

    def check_open(self) -> None:
        """
        Make sure that the background runs on this loop.

        Raises:
            ClientClosedError: The client is closed.
        """
        if self.core.closed:
            raise ClientClosedError
        self.core.background.wake(time.monotonic())

    async def tell_changes(self) -> None:
        """Tell log and hooks what has changed about the endpoints."""
        await self.core.announcer.tell()

    def _request(self, route: str, options: Mapping[str, Any], **parts: Any) -> Request:
        return build_request(self.core.routes, route, self.settings.headers, options, **parts)

    def fetch(
        self,
        route: str,
        into: type[T],
        options: Mapping[str, Any],
        *,
        ids: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        shape: str = "",
    ) -> Coroutine[Any, Any, T]:
        """Make a call and read its answer as `into`."""
        # fmt: off
        request = build_request(
            self.core.routes, route, self.settings.headers, options,
            ids=ids, query=query, json=json, idempotency_key=idempotency_key, shape=shape,
        )
        # fmt: on
        return self.fetch_request(request, into, options)

    def fetch_request(self, request: Request, into: type[T], options: Mapping[str, Any]) -> Coroutine[Any, Any, T]:
        """The same for a request that is built already."""
        return self._run(request, options, into)

    async def fetch_page(
        self,
        route: str,
        item: type[T],
        options: Mapping[str, Any],
        *,
        ids: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Page[T]:
        """Make a call whose answer holds a list."""
        request = self._request(route, options, ids=ids, query=query, json=json)
        call, response = await self._run(request, options)
        return self._read(call, response, partial(read_page_answer, response, item, request, call.attempts))

    def _result(self, call: Call, response: Response, request: Request, into: type[T]) -> T:
        """The answer as `into`, or on a raw view the answer with the way to it."""
        if self.settings.raw:
            return self._read(call, response, partial(read_answer, response, into, request, call.attempts))
        try:
            return read_answer(response, into, request, call.attempts)
        except APIResponseValidationError:
            self._unreadable(call)
            raise

    def _read(self, call: Call, response: Response, read: Callable[[], T]) -> T:
        """The result, or on a raw view the answer with the way to it."""
        if not self.settings.raw:
            try:
                return read()
            except APIResponseValidationError:
                self._unreadable(call)
                raise
        return typing.cast("T", RawResponse(response=response, attempts=call.attempts, parse_with=read))

    def _unreadable(self, call: Call) -> None:
        """What was accepted cannot be read; that is remembered for the next calls."""
        if not self.core.closed:
            call.unreadable(time.monotonic())
            self.core.background.nudge()

    async def open(
        self,
        route: str,
        options: Mapping[str, Any],
        *,
        json: Mapping[str, Any] | None = None,
        shape: str = "",
    ) -> tuple[OpenAnswer, Call, Timeout]:
        """
        A call whose answer is a stream: all attempts until the head of a good answer; then it is committed.

        Raises:
            NexevoError: As the methods of the resources say.
        """
        request = self._request(route, options, json=json, shape=shape, stream=True)
        call, answer = await self._run(request, options)
        return answer, call, Timeout.of(options.get("timeout"), self.settings.timeout)

    async def _run(self, request: Request, options: Mapping[str, Any], into: type[Any] | None = None) -> Any:
        """
        All attempts of one call, and its answer read as `into`. One coroutine: every call that waits keeps it.

        Without `into` it gives the `Call` and its `Response`, or the `OpenAnswer` of a stream.

        Raises:
            NexevoError: As the methods of the resources say.
        """
        core = self.core
        now = time.monotonic()
        call, timeout = self._begin(request, options, now)
        answer: Any
        ended: Attempt | None
        while True:
            action = call.next_action(now)
            if isinstance(action, Send):
                try:
                    attempt = self._attempt(request, call, action, timeout, now)
                    del action  # it is not needed while the answer is awaited
                    answer = await attempt
                except AttemptFailed as failure:
                    if core.closed:
                        call.cancelled()
                        raise ClientClosedError("the client was closed during the call", call=request.name) from None
                    call.broke(failure, time.monotonic())
                    answer, ended = None, call.attempts[-1]
                except BaseException:
                    call.cancelled()
                    raise
                else:
                    answer, ended = self._judged(call, answer, now)
                if ended is not None:
                    await self._after(call, ended)
                if answer is not None:
                    return (call, answer) if into is None else self._result(call, answer, request, into)
            elif isinstance(action, Fail):
                raise action.error
            else:
                await self._wait(request, call, action)
            now = time.monotonic()

    def _begin(self, request: Request, options: Mapping[str, Any], now: float) -> tuple[Call, Timeout]:
        core, settings = self.core, self.settings
        if core.closed:
            raise ClientClosedError(call=request.name)
        core.background.wake(now)
        timeout, policy = settings.timeout, settings.retry
        if options:  # of this call; most have none
            timeout = Timeout.of(options.get("timeout"), timeout)
            policy = _with_retries(policy, options.get("max_retries"))
        return Call(request, core.shared, policy, now, timeout.total, timeout.attempt), timeout

    def _attempt(
        self, request: Request, call: Call, send: Send, timeout: Timeout, started: float
    ) -> Coroutine[Any, Any, Response | OpenAnswer]:
        """One attempt; the coroutine of the sender itself, unless something else has to be awaited."""
        settings = self.settings
        if request.safety is _BILLABLE or request.safety is _IDEMPOTENT:
            self.core.stalls.look_out()
        limits = self._limits(send, timeout, stream=request.stream)
        authorization = settings.credentials.bearer if request.auth else None
        if request.stream or settings.before_attempt or (authorization is None and request.auth):
            return self._attempt_with_care(request, call, send, limits, authorization, timeout, started)
        return self._ask(request, call, send, limits, authorization, timeout)

    async def _attempt_with_care(
        self,
        request: Request,
        call: Call,
        send: Send,
        limits: Limits,
        authorization: str | None,
        timeout: Timeout,
        started: float,
    ) -> Response | OpenAnswer:
        """The same with what only some attempts have: a key to ask for, hooks, a stream."""
        url = send.pick.endpoint.url
        if authorization is None and request.auth:
            authorization = await self._ask_for_key(request, limits)
        if self.settings.before_attempt:
            request = await self._before(request, call, url)
        if not request.stream:
            return await self._ask(request, call, send, limits, authorization, timeout)
        answer = await self.core.sender.open(url, request, authorization=authorization, limits=limits)
        if _is_stream(answer):
            return await self._commit(call, send.pick, started, answer)
        return await answer.read_whole(limits)

    def _ask(
        self, request: Request, call: Call, send: Send, limits: Limits, authorization: str | None, timeout: Timeout
    ) -> Coroutine[Any, Any, Response]:
        core = self.core
        if request.safety is _SAFE and len(core.shared.pool) > 1:
            return self._race(call, send, request, authorization, timeout)
        return core.sender.send(send.pick.endpoint.url, request, authorization=authorization, limits=limits)

    def _judged(
        self, call: Call, answer: Response | OpenAnswer, started: float
    ) -> tuple[Response | OpenAnswer | None, Attempt | None]:
        """The answer, if it is accepted; and how the attempt ended, if anybody wants to know."""
        if not isinstance(answer, Response):  # a stream that is committed
            return answer, None
        now, url = time.monotonic(), call.base_url or ""
        if not call.answered(answer, now, wall=time.time()):
            return None, call.attempts[-1]
        if self.settings.after_attempt or self.core.announcer.has_news() or logger.isEnabledFor(logging.INFO):
            return answer, _accepted(url, answer, now - started)
        return answer, None

    async def _commit(self, call: Call, pick: Pick, started: float, answer: OpenAnswer) -> OpenAnswer:
        """The head of a good answer has arrived: from here on there is no other attempt."""
        answer.on_break = partial(self._broke_off, pick)
        try:
            now = time.monotonic()
            call.accepted(now)
            await self._after(call, _accepted(pick.endpoint.url, answer, now - started))
        except BaseException:
            answer.abort()
            raise
        return answer

    def _broke_off(self, pick: Pick, failure: AttemptFailed) -> None:
        """A stream that was accepted has broken off: too late for this call, but not for the next ones."""
        if not self.core.closed:
            self.core.shared.pool.broke_off(
                pick, now=time.monotonic(), detail=f"{failure.kind.value}: {failure.detail}"
            )
            self.core.background.nudge()

    def _race(
        self, call: Call, send: Send, request: Request, authorization: str | None, timeout: Timeout
    ) -> Coroutine[Any, Any, Response]:
        """A read with more than one endpoint: asked a second time if it waits, moved if its endpoint hangs."""
        core = self.core
        core.hedges.earn()

        def ask(pick: Pick) -> Coroutine[Any, Any, Response]:
            limits = self._limits(send if pick is send.pick else attrs.evolve(send, pick=pick), timeout)
            return core.sender.send(pick.endpoint.url, request, authorization=authorization, limits=limits)

        return Race(call, ask, core.stalls, policy=self.settings.retry, hedges=core.hedges).run(send.pick)

    def _limits(self, send: Send, timeout: Timeout, *, stream: bool = False) -> Limits:
        connect = timeout.connect
        if connect is None:
            connect = self.core.shared.pool.connect_timeout(send.pick)
        until, ends = send.until, send.ends
        if stream and timeout.first_token is not None:
            first_token = time.monotonic() + timeout.first_token
            if until is None or first_token < until:
                until, ends = first_token, "first_token"
        return Limits(connect, timeout.pool, until, ends)

    async def _wait(self, request: Request, call: Call, wait: Wait) -> None:
        logger.debug("%s waits %.2f s before it is sent again", request.name, wait.seconds)
        try:
            await self.core.background.pause(wait.seconds)
        except BaseException:
            call.cancelled()
            raise

    async def _ask_for_key(self, request: Request, limits: Limits) -> str | None:
        credentials = self.settings.credentials
        if credentials.missing and not _brings_its_own(request):
            raise ConfigurationError(
                "there is no API key: set NEXEVO_API_KEY, or pass api_key to the client", call=request.name
            )
        scope = asyncio.timeout_at(limits.until)
        try:
            async with scope:
                return await credentials.authorization()
        except TimeoutError:
            if not scope.expired():
                raise  # the function's own
            raise AttemptFailed(FailureKind.NO_KEY, limit=limits.ends) from None

    async def _before(self, request: Request, call: Call, url: str) -> Request:
        start = AttemptStart(
            call=request.name,
            number=len(call.attempts) + 1,
            base_url=url,
            method=request.method,
            path=request.path,
            idempotency_key=request.idempotency_key,
            headers={},
        )
        for hook in self.settings.before_attempt:
            waiting = hook(start)
            if waiting is not None:
                await waiting
        if not start.headers:
            return request
        return attrs.evolve(
            request, headers=(*request.headers, *_validation.headers("headers of the hook", start.headers).items())
        )

    async def _after(self, call: Call, attempt: Attempt) -> None:
        """Tell log and hooks how an attempt ended, and what it changed about the endpoints."""
        announcer = self.core.announcer
        if logger.isEnabledFor(logging.WARNING if attempt.problem else logging.INFO):
            _log(call.name, attempt)
        for hook in self.settings.after_attempt:
            waiting = hook(call.name, attempt)
            if waiting is not None:
                await waiting
        if announcer.has_news():
            await announcer.tell()
            self.core.background.nudge()


def _accepted(url: str, answer: Response | OpenAnswer, seconds: float) -> Attempt:
    """An attempt that brought what was asked for."""
    trace_id = answer.headers.get("x-trace-id")
    return Attempt(base_url=url, status=answer.status, seconds=seconds, trace_id=trace_id)


def _log(call: str, attempt: Attempt) -> None:
    if attempt.problem:
        logger.warning("%s at %s: %s, %.3f s", call, attempt.base_url, attempt.problem, attempt.seconds)
    else:
        trace = redact_text(attempt.trace_id or "none")
        logger.info("%s at %s: %s, %.3f s, trace %s", call, attempt.base_url, attempt.status, attempt.seconds, trace)


def _is_stream(answer: OpenAnswer) -> bool:
    """Whether the head of an answer is good enough to commit to: HTML is the sign of a wrong base URL."""
    return 200 <= answer.status < 300 and "html" not in (answer.headers.get("content-type") or "")


def _brings_its_own(request: Request) -> bool:
    return any(name.lower() == "authorization" for name, _ in request.headers)


def _with_retries(policy: RetryPolicy, max_retries: int | None) -> RetryPolicy:
    if max_retries is None or max_retries == policy.max_attempts - 1:
        return policy
    return attrs.evolve(policy, max_attempts=_validation.whole("max_retries", max_retries, least=0) + 1)
